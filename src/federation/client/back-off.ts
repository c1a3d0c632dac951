import type { ServerName } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import { LruMap } from '../../util/lru.ts'

/** Which servers are not worth a request now. Kept in memory: after a restart each of them gets a new chance. */
export interface BackOff {
  /** How many ms remain until the server is asked again; 0: it may be asked. */
  remaining(server: ServerName): number
  failed(server: ServerName): void
  reset(server: ServerName): void
}

const firstPauseMs = 1000
const longestPauseMs = 10 * 60_000
const maxServers = 10_000

export function createBackOff(clock: Clock): BackOff {
  const failing = new LruMap<ServerName, { pauseMs: number; until: number }>(maxServers)
  return {
    remaining(server) {
      const until = failing.get(server)?.until ?? 0
      return Math.max(0, until - clock.now())
    },
    failed(server) {
      const now = clock.now()
      const last = failing.get(server)
      // Requests that failed side by side failed once.
      if (last && last.until > now) return
      const pauseMs = last ? Math.min(last.pauseMs * 4, longestPauseMs) : firstPauseMs
      failing.set(server, { pauseMs, until: now + pauseMs })
    },
    reset: (server) => void failing.delete(server),
  }
}
