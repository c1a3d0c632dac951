import type { ServerName } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import { LruMap } from '../../util/lru.ts'

/** Which servers are not worth a request now. Kept in memory: after a restart each of them gets a new chance. */
export interface BackOff {
  /** How many ms remain until the server is asked again; 0: it may be asked. Less where somebody waits for the answer. */
  remaining(server: ServerName, isAwaited?: boolean): number
  failed(server: ServerName): void
  reset(server: ServerName): void
}

const firstPauseMs = 1000
const longestPauseMs = 10 * 60_000
/** Since the last failure, where somebody waits. */
const awaitedPauseMs = 2000
const maxServers = 10_000

export function createBackOff(clock: Clock): BackOff {
  const failing = new LruMap<ServerName, { pauseMs: number; until: number; failedAt: number }>(maxServers)
  return {
    remaining(server, isAwaited = false) {
      const last = failing.get(server)
      if (last === undefined) return 0
      const until = isAwaited ? Math.min(last.until, last.failedAt + awaitedPauseMs) : last.until
      return Math.max(0, until - clock.now())
    },
    failed(server) {
      const now = clock.now()
      const last = failing.get(server)
      // Requests that failed side by side failed once.
      if (last && last.until > now) {
        failing.set(server, { ...last, failedAt: now })
        return
      }
      const pauseMs = last ? Math.min(last.pauseMs * 4, longestPauseMs) : firstPauseMs
      failing.set(server, { pauseMs, until: now + pauseMs, failedAt: now })
    },
    reset: (server) => void failing.delete(server),
  }
}
