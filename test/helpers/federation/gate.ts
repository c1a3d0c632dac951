import { once } from 'node:events'
import { type IncomingMessage, request as requestPlain, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { localAuthority } from './test-authority.ts'

/** What a gate sees of a request. */
export interface Passage {
  /** The server that signed it; undefined for requests that nobody signs, such as those for keys. */
  readonly origin: string | undefined
  readonly method: string
  readonly uri: string
  readonly body: Buffer
}

/** Whether a request may pass; what resolves later holds it up. */
export type Guard = (passage: Passage) => boolean | Promise<boolean>

/** A reverse proxy that speaks TLS in front of a server and lets through what its guard allows; the rest is cut off. */
export interface Gate {
  readonly port: number
  /** Where the server behind it listens, once it does. */
  target: string | undefined
  guard: Guard
  stop(): Promise<void>
}

export async function openGate(port = 0): Promise<Gate> {
  const { local } = localAuthority()
  const server = createServer({ cert: local.cert, key: local.key }, (request, response) => {
    pass(gate, request, response).catch(() => request.socket.destroy())
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const gate: Gate = {
    port: address.port,
    target: undefined,
    guard: () => true,
    stop: async () => {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return gate
}

async function pass(gate: Gate, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  const { method = 'GET', url: uri = '/', headers } = incoming
  const origin = /[ ,]origin="?([^",]+)/.exec(headers.authorization ?? '')?.[1]
  if (gate.target === undefined || !(await gate.guard({ origin, method, uri, body }))) {
    incoming.socket.destroy()
    return
  }
  const forwarded = requestPlain(`${gate.target}${uri}`, { method, headers })
  forwarded.end(body)
  const [answer] = (await once(forwarded, 'response')) as [IncomingMessage]
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
  answer.pipe(outgoing)
  await once(outgoing, 'close')
}
