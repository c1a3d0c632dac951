import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent, type RequestOptions, request as requestTls } from 'node:https'
import type { JsonObject } from '../../../src/matrix/event.ts'
import type { ServerName } from '../../../src/matrix/ids.ts'
import { signRequest } from '../../../src/matrix/request-signature.ts'
import { checkResponse } from '../contract.ts'
import type { Signer } from './room-builder.ts'
import { localAuthority } from './test-authority.ts'

export interface PeerRequestOptions {
  readonly body?: JsonObject
  /** Sent instead of `body`, which is what is signed. */
  readonly rawBody?: string
  /** Instead of the signature; `null` sends none. */
  readonly authorization?: string | null
  /** The status that the answer must have. */
  readonly expect?: number
  readonly signal?: AbortSignal
  /** For answers that are wrong on purpose. */
  readonly unchecked?: boolean
}

export interface PeerResponse {
  readonly status: number
  /** The parsed JSON; an empty object where the answer was none. */
  readonly body: JsonObject
  readonly bytes: Buffer
  readonly contentType: string
}

const agent = new Agent({ keepAlive: true, maxSockets: 200 })

/** Sends a request to another server, signed as this one; every answer is checked against the specification. */
export async function sendAsPeer(
  { server, key }: Signer,
  destination: ServerName,
  method: string,
  path: string,
  options: PeerRequestOptions = {},
): Promise<PeerResponse> {
  const { body, expect } = options
  const signed = { method, uri: path, origin: server, destination, ...(body !== undefined && { content: body }) }
  const authorization = options.authorization === undefined ? signRequest(signed, key) : options.authorization
  const port = Number(destination.slice(destination.lastIndexOf(':') + 1))
  const text = options.rawBody ?? (body === undefined ? undefined : JSON.stringify(body))
  const response = await exchange(
    {
      host: 'localhost',
      port,
      method,
      path,
      agent,
      ca: localAuthority().ca,
      headers: {
        ...(authorization === null ? {} : { Authorization: authorization }),
        ...(text === undefined
          ? {}
          : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
      },
      ...(options.signal && { signal: options.signal }),
    },
    text,
  )
  const shown = `${method} ${path} -> ${response.status} ${response.bytes.toString().slice(0, 2000)}`
  const [bare = path] = path.split('?')
  const isJson = response.contentType.startsWith('application/json')
  const faults = options.unchecked
    ? []
    : checkResponse({ method, path: bare, status: response.status, body: isJson ? response.body : undefined })
  if (faults.length > 0) throw new Error(`not as specified:\n${faults.join('\n')}\n${shown}`)
  if (expect !== undefined && expect !== response.status) throw new Error(`${expect} expected: ${shown}`)
  return response
}

async function exchange(options: RequestOptions, body: string | undefined): Promise<PeerResponse> {
  const sending = requestTls(options)
  sending.end(body)
  const [response]: [IncomingMessage] = (await once(sending, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const contentType = response.headers['content-type'] ?? ''
  return {
    status: response.statusCode ?? 0,
    body: contentType.startsWith('application/json') && bytes.length > 0 ? JSON.parse(bytes.toString()) : {},
    bytes,
    contentType,
  }
}
