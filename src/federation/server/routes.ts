import type { AppContext } from '../../context.ts'
import type { Endpoint } from '../../http/endpoint.ts'
import { keyRoutes } from './routes-keys.ts'
import { versionRoutes } from './routes-version.ts'

/** Everything that other servers may ask. */
export function federationRoutes(ctx: AppContext): Endpoint[] {
  return [...keyRoutes(ctx), ...versionRoutes()]
}
