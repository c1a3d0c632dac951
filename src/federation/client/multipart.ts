import { FetchError } from '../../util/fetch-error.ts'
import { headerText } from './header-text.ts'

/** One part of a `multipart/mixed` body. Its content has to be read, or the iteration ended, before the next one comes. */
export interface Part {
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: AsyncIterable<Uint8Array>
}

const maxHeaderBytes = 16 * 1024

/** The boundary that a `Content-Type` names; undefined where it is no multipart type. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  const match = /^multipart\/[^;]+;.*?\bboundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))/i.exec(contentType ?? '')
  return match?.[1] ?? match?.[2]
}

/** Takes a multipart body apart as it arrives (RFC 2046). Throws a `FetchError` where it is malformed or cut off. */
export async function* readParts(source: AsyncIterable<Uint8Array>, boundary: string): AsyncGenerator<Part> {
  const input = new Input(source)
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  // The first boundary needs no line break in front.
  input.unshift(Buffer.from('\r\n'))
  for await (const _preamble of input.until(delimiter));
  for (;;) {
    const rest = await input.line()
    if (rest.startsWith('--')) return
    const headers = new Map<string, string>()
    for (let line = await input.line(); line !== ''; line = await input.line()) {
      const colon = line.indexOf(':')
      if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
      if (headers.size > 32) throw malformed('a part has too many headers')
    }
    // A part without a body ends with the line break that ended its headers.
    input.unshift(Buffer.from('\r\n'))
    const body = skipFirst(input.until(delimiter), 2)
    yield { headers, body }
    for await (const _rest of body);
  }
}

/** The bytes without the first few, which stand for a line break that has been read already. */
async function* skipFirst(source: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count
  for await (const chunk of source) {
    const rest = chunk.subarray(Math.min(left, chunk.length))
    left -= chunk.length - rest.length
    if (rest.length > 0) yield rest
  }
}

const malformed = (what: string) => new FetchError('network', `the multipart answer is malformed: ${what}`)

class Input {
  readonly #source: AsyncIterator<Uint8Array>
  #buffer: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  unshift(bytes: Buffer): void {
    this.#buffer = Buffer.concat([bytes, this.#buffer])
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next()
    if (done) throw malformed('it ends too early')
    this.#buffer = this.#buffer.length === 0 ? Buffer.from(value) : Buffer.concat([this.#buffer, value])
  }

  /** The rest of the line, without its break. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf('\n')
      if (end >= 0) {
        const text = headerText(this.#buffer.subarray(0, end)).replace(/\r$/, '')
        this.#buffer = this.#buffer.subarray(end + 1)
        return text
      }
      if (this.#buffer.length > maxHeaderBytes) throw malformed('a header is too long')
      // The last boundary may stand without a line break behind it.
      if (this.#buffer.length >= 2 && this.#buffer.toString('latin1', 0, 2) === '--') return '--'
      await this.#more()
    }
  }

  /** What comes before the delimiter, which is then behind. */
  async *until(delimiter: Buffer): AsyncGenerator<Uint8Array> {
    for (;;) {
      const at = this.#buffer.indexOf(delimiter)
      if (at >= 0) {
        const found = this.#buffer.subarray(0, at)
        this.#buffer = this.#buffer.subarray(at + delimiter.length)
        if (found.length > 0) yield found
        return
      }
      const safe = this.#buffer.length - delimiter.length + 1
      if (safe > 0) {
        const found = this.#buffer.subarray(0, safe)
        this.#buffer = this.#buffer.subarray(safe)
        yield found
      }
      await this.#more()
    }
  }
}
