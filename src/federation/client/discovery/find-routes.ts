import type { FindRoutes, ServerRoute } from './routes.ts'
import { splitServerName } from './split-server-name.ts'
import type { WellKnown } from './well-known.ts'

export interface FindRoutesOptions {
  readonly wellKnown: WellKnown
  /** Where servers listen that say nothing else; tests choose another. */
  readonly defaultPort: number
}

/** The order of https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names */
export function createFindRoutes({ wellKnown, defaultPort }: FindRoutesOptions): FindRoutes {
  return async (server, signal) => {
    const given = splitServerName(server)
    if (given.isIp || given.port !== undefined) return [direct(server, defaultPort)]
    const delegated = await wellKnown.find(given.hostname, signal)
    return [direct(delegated ?? server, defaultPort)]
  }
}

function direct(name: string, defaultPort: number): ServerRoute {
  const { hostname, isIp, port } = splitServerName(name)
  return {
    host: hostname,
    port: port ?? defaultPort,
    hostHeader: name,
    certificateName: isIp ? undefined : hostname,
  }
}
