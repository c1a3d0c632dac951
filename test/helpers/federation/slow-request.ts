import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import type { ServerName } from '../../../src/matrix/ids.ts'
import { localAuthority } from './test-authority.ts'

/** A request of which only the head has been sent. */
export interface OpenRequest {
  readonly socket: TLSSocket
  /** What has come back until the server closed the connection. */
  readonly closed: Promise<string>
}

/** Begins a request whose body the test sends, or does not. */
export async function openRequest(
  server: ServerName,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<OpenRequest> {
  const port = Number(server.slice(server.lastIndexOf(':') + 1))
  const socket = connect({ host: 'localhost', port, ca: localAuthority().ca })
  await once(socket, 'secureConnect')
  const lines = Object.entries({ Host: server, ...headers }).map(([name, value]) => `${name}: ${value}`)
  socket.write(`${[`${method} ${path} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`)
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1')
  })
  // The server may close while we still write.
  socket.on('error', () => {})
  return { socket, closed: once(socket, 'close').then(() => answer) }
}
