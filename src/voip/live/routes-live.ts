import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { reply } from '../../http/reply.ts'
import { errors } from '../../matrix/errors.ts'

export const livePath = '/_ringback/v1/live'

/** What is answered where somebody asks for the socket without WebSocket, or a proxy took that away. */
export function liveRoutes(): Endpoint[] {
  return [
    endpoint({ method: 'GET', path: livePath, auth: 'none', limit: 'general' }, () =>
      reply(426, errors.unknown(426, 'This is a WebSocket; does a proxy in between let it through?').body, {
        Upgrade: 'websocket',
      }),
    ),
  ]
}
