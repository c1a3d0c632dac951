import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { FetchError } from './fetch-error.ts'

/** An answer whose body has not been read yet. Read it once by one of the four ways, or call `discard`. */
export interface SafeResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Where the answer came from, after redirects. */
  readonly url: string
  /** The body in pieces. Throws a `FetchError` when it is too large, takes too long or is cut off. */
  readonly body: AsyncIterable<Buffer>
  bytes(): Promise<Buffer>
  text(): Promise<string>
  /** The parsed body; a `SyntaxError` when it is no JSON. */
  json(): Promise<unknown>
  discard(): void
}

/** `finish` is called once when the body has been read, has failed or was discarded; `explain` names the failure. */
export function createSafeResponse(
  message: IncomingMessage,
  options: { url: string; maxBytes: number; finish: () => void; explain: (error: unknown) => FetchError },
): SafeResponse {
  const { url, maxBytes, finish, explain } = options
  const tooLarge = () =>
    new FetchError('too_large', `the answer of ${new URL(url).host} is larger than ${maxBytes} bytes`)

  async function* read(): AsyncGenerator<Buffer> {
    let received = 0
    try {
      if (Number(message.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
      for await (const chunk of message as AsyncIterable<Buffer>) {
        received += chunk.length
        if (received > maxBytes) throw tooLarge()
        yield chunk
      }
      if (!message.complete) throw new FetchError('network', `the answer of ${new URL(url).host} was cut off`)
    } catch (error) {
      message.destroy()
      throw explain(error)
    } finally {
      finish()
    }
  }

  const body = read()
  const bytes = async () => {
    const chunks: Buffer[] = []
    for await (const chunk of body) chunks.push(chunk)
    return Buffer.concat(chunks)
  }
  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    url,
    body,
    bytes,
    text: async () => (await bytes()).toString('utf8'),
    json: async () => JSON.parse((await bytes()).toString('utf8')) as unknown,
    discard() {
      message.destroy()
      finish()
    },
  }
}
