import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { clientDiscovery, serverDiscovery, supportDiscovery } from './well-known.ts'

/** How clients and servers that know only the server name find what they need. */
export function wellKnownRoutes({ config, livekit }: Pick<AppContext, 'config' | 'livekit'>): Endpoint[] {
  const orNotFound = (value: JsonObject | undefined): JsonObject => {
    if (value === undefined) throw errors.notFound('This is not published here')
    return value
  }
  return [
    endpoint(
      {
        method: 'GET',
        path: '/.well-known/matrix/client',
        auth: 'none',
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixclient',
      },
      () => clientDiscovery(config, livekit?.transports()),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/.well-known/matrix/support',
        auth: 'none',
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixsupport',
      },
      () => orNotFound(supportDiscovery(config)),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/.well-known/matrix/server',
        auth: 'none',
        spec: 'https://spec.matrix.org/v1.19/server-server-api/#getwell-knownmatrixserver',
      },
      () => orNotFound(serverDiscovery(config)),
    ),
  ]
}
