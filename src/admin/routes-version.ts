import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { readVersion } from '../util/version.ts'

/** What runs here, in the place where tools look for it. */
export function versionRoutes(): Endpoint[] {
  const version = readVersion()
  return [
    endpoint({ method: 'GET', path: '/_synapse/admin/v1/server_version', auth: 'none' }, () => ({
      server_version: `Ringback ${version}`,
    })),
  ]
}
