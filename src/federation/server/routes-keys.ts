import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { reply } from '../../http/reply.ts'

const spec = 'https://spec.matrix.org/v1.19/server-server-api/#'

/** The keys of this server, which anybody may ask for. */
export function keyRoutes({ federation }: Pick<AppContext, 'federation'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/key/v2/server',
        // Servers of old name the key that they want, and are content with all.
        also: ['/_matrix/key/v2/server/{keyId}'],
        auth: 'none',
        spec: `${spec}get_matrixkeyv2server`,
      },
      () => reply(200, federation.ownKeys.text(), { 'Content-Type': 'application/json' }),
    ),
  ]
}
