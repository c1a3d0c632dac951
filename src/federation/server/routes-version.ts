import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { readVersion } from '../../util/version.ts'

/** Which program answers. */
export function versionRoutes(): Endpoint[] {
  const version = readVersion()
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/version',
        auth: 'none',
        spec: 'https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1version',
      },
      () => ({ server: { name: 'Ringback', version } }),
    ),
  ]
}
