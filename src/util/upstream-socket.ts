import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Duplex } from 'node:stream'
import { FetchError } from './fetch-error.ts'

export interface UpstreamRequest {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** How long the other side may take to agree, in ms. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** A server that agreed to speak WebSocket, or its refusal with what it said, cut short. */
export type UpstreamAnswer =
  | { readonly status: 101; readonly headers: IncomingHttpHeaders; readonly socket: Duplex; readonly head: Buffer }
  | {
      readonly status: number
      readonly headers: IncomingHttpHeaders
      readonly text: string
      readonly socket?: undefined
    }

const maxRefusal = 16 * 1024

/** Asks a server that the configuration names to speak WebSocket. Throws a `FetchError` where it does not answer. */
export function openUpstreamSocket({ url, headers, timeoutMs, signal }: UpstreamRequest): Promise<UpstreamAnswer> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp
    const outgoing = send(url, {
      headers: { ...headers, connection: 'Upgrade', upgrade: 'websocket' },
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    })
    const fail = (error: Error) =>
      reject(new FetchError('network', `no connection to ${url.host}: ${error.message}`, error))
    outgoing.once('error', fail)
    outgoing.once('upgrade', (message, socket, head) => {
      socket.on('error', () => socket.destroy())
      resolve({ status: 101, headers: message.headers, socket, head })
    })
    outgoing.once('response', (message) => {
      readStart(message).then(
        (text) => resolve({ status: message.statusCode ?? 502, headers: message.headers, text }),
        fail,
      )
    })
    outgoing.end()
  })
}

async function readStart(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of message as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size > maxRefusal) break
  }
  message.destroy()
  return Buffer.concat(chunks).toString('utf8').slice(0, maxRefusal)
}
