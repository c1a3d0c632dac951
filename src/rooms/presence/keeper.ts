import type { Database } from '../../db/database.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { listPresence, type PresenceRow, upsertPresence } from './store-presence.ts'

/** Stores what changed now and then, so that a restart neither forgets who was there nor lets them seem present for ever. */
export interface PresenceKeeper {
  /** Something of this user has changed. */
  changed(userId: string): void
  load(limit: number): Promise<PresenceRow[]>
  flush(): Promise<void>
}

/** How stale what is stored may be, in ms. */
const interval = 60_000
/** Rows in one write: others wait for it. */
const page = 500

export function createPresenceKeeper(
  { db, clock, log }: { db: Database; clock: TimerClock; log: Log },
  rowOf: (userId: string) => PresenceRow | undefined,
): PresenceKeeper {
  const dirty = new Set<string>()
  let cancel: (() => void) | undefined

  async function flush(): Promise<void> {
    cancel?.()
    cancel = undefined
    const rows = [...dirty].flatMap((userId) => rowOf(userId) ?? [])
    dirty.clear()
    for (let i = 0; i < rows.length; i += page) {
      await db.write('presence', async (tx) => {
        for (const row of rows.slice(i, i + page)) await upsertPresence(tx, row)
      })
    }
  }

  const tryFlush = () => flush().catch((error: unknown) => log.warn({ err: error }, 'presence was not stored'))

  return {
    changed: (userId) => {
      dirty.add(userId)
      cancel ??= clock.after(interval, () => void tryFlush())
    },
    load: (limit) => db.read((reader) => listPresence(reader, limit)),
    flush: tryFlush,
  }
}
