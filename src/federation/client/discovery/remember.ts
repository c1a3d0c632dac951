import type { ServerName } from '../../../matrix/ids.ts'
import type { Clock } from '../../../util/clock.ts'
import { LruMap } from '../../../util/lru.ts'
import type { Discover, Discovery } from './routes.ts'

export interface RememberedDiscover {
  readonly discover: Discover
  /** None of the ways to a server could be gone: it is to be found anew. */
  forget(server: ServerName): void
}

const maxServers = 5000
/** As long as name servers usually keep their records. */
const lifetimeMs = 5 * 60_000

/** Discovers each server once at a time, and keeps for a few minutes what was found. */
export function rememberDiscoveries(discover: Discover, clock: Clock): RememberedDiscover {
  const found = new LruMap<ServerName, { discovery: Discovery; until: number }>(maxServers)
  const underWay = new Map<ServerName, Promise<Discovery>>()

  async function start(server: ServerName): Promise<Discovery> {
    const discovery = await discover(server)
    const until = clock.now() + lifetimeMs
    found.set(server, { discovery, until: Math.min(until, discovery.until ?? until) })
    return discovery
  }

  return {
    discover: async (server) => {
      const known = found.get(server)
      if (known && known.until > clock.now()) return known.discovery
      const running = underWay.get(server)
      if (running) return running
      const started = start(server).finally(() => underWay.delete(server))
      underWay.set(server, started)
      return started
    },
    forget: (server) => void found.delete(server),
  }
}
