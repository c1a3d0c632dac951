import type { JsonObject } from '../../../matrix/event.ts'

/** What is worth nothing when it comes late: kept in memory, the newest of each kind and key, and dropped when it gets old. */
export interface PendingEdus {
  /** Replaces what waits for the same server under the same key. */
  put(destination: string, key: string, edu: PendingEdu): void
  /** Up to `limit` of them; `forget` those once they are part of a transaction. */
  collect(destination: string, limit: number): { readonly edus: JsonObject[]; forget(): void }
  /** Forgets what waits for a server. */
  drop(destination: string): void
}

export interface PendingEdu {
  readonly type: string
  readonly content: JsonObject
  /** Not sent after this time, in ms since 1970. */
  readonly until: number
}

/** For one server; more are not worth their memory. */
const maxPerServer = 1000

export function createPendingEdus(now: () => number): PendingEdus {
  const servers = new Map<string, Map<string, PendingEdu>>()

  return {
    put: (destination, key, edu) => {
      const edus = servers.get(destination) ?? new Map<string, PendingEdu>()
      servers.set(destination, edus)
      edus.delete(key)
      edus.set(key, edu)
      for (const oldest of edus.keys()) {
        if (edus.size <= maxPerServer) break
        edus.delete(oldest)
      }
    },
    collect: (destination, limit) => {
      const edus = servers.get(destination) ?? new Map<string, PendingEdu>()
      const time = now()
      for (const [key, { until }] of edus) if (until < time) edus.delete(key)
      const taken = [...edus].slice(0, limit)
      return {
        edus: taken.map(([, { type, content }]) => ({ edu_type: type, content })),
        forget: () => {
          for (const [key, edu] of taken) if (edus.get(key) === edu) edus.delete(key)
          if (edus.size === 0 && servers.get(destination) === edus) servers.delete(destination)
        },
      }
    },
    drop: (destination) => void servers.delete(destination),
  }
}
