import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { Json, JsonObject } from '../../../src/matrix/event.ts'
import type { ServerName } from '../../../src/matrix/ids.ts'
import { localAuthority } from './test-authority.ts'

/** A request that came to a test server. */
export interface PeerRequest {
  readonly method: string
  /** The path, decoded in parts by whoever matches it. */
  readonly path: string
  readonly query: URLSearchParams
  /** Path and query as they came. */
  readonly uri: string
  readonly body: Json | undefined
  readonly authorization: string | undefined
  /** Whoever signed it; undefined where nobody did. */
  origin: ServerName | undefined
  /** The parts of the path that the pattern leaves open. */
  params: Record<string, string>
}

export interface PeerAnswer {
  readonly status?: number
  readonly body?: JsonObject
  /** Instead of JSON. */
  readonly raw?: { readonly contentType: string; readonly bytes: Buffer }
}

/** Answers a request; `undefined` hangs up. A promise that never resolves makes the other side wait. */
export type PeerHandler = (request: PeerRequest) => PeerAnswer | undefined | Promise<PeerAnswer | undefined>

export interface PeerListener {
  readonly port: number
  stop(): Promise<void>
}

/** HTTPS on the loopback interface. */
export async function listenPeer(answer: PeerHandler, port = 0): Promise<PeerListener> {
  const { local } = localAuthority()
  const server = createServer({ cert: local.cert, key: local.key }, (request, response) => {
    serve(request, response, answer).catch((error: unknown) => {
      process.stderr.write(`a handler of a test server failed: ${error instanceof Error ? error.stack : error}\n`)
      response.writeHead(500).end('{}')
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    stop: async () => {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function serve(incoming: IncomingMessage, response: ServerResponse, answer: PeerHandler): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  const uri = incoming.url ?? '/'
  const url = new URL(uri, 'https://localhost')
  const request: PeerRequest = {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    uri,
    body: text === '' ? undefined : JSON.parse(text),
    authorization: incoming.headers.authorization,
    origin: undefined,
    params: {},
  }
  const given = await answer(request)
  if (given === undefined) {
    incoming.socket.destroy()
    return
  }
  const { status = 200, body = {}, raw } = given
  response.writeHead(status, { 'Content-Type': raw?.contentType ?? 'application/json' })
  response.end(raw?.bytes ?? JSON.stringify(body))
}
