import type { AppContext } from '../../../context.ts'
import { type Endpoint, endpoint } from '../../../http/endpoint.ts'

/** How large a room is, for servers that join only small ones. */
export function complexityRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/unstable/rooms/{roomId}/complexity',
        auth: 'server',
        spec: 'https://github.com/matrix-org/matrix-spec-proposals/issues/2324',
      },
      async ({ params, origin }) => ({ v1: await rooms.measureComplexity(origin, params.roomId) }),
    ),
  ]
}
