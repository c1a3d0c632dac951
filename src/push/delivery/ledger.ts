import type { Database } from '../../db/database.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { PusherRow } from '../store-pushers.ts'
import { keyOf, nameOf, type PusherState, recordState } from './store-delivery.ts'

/**
 * How far pushers have got, written down many at a time: a commit for each push would cost more than the push. What a
 * crash loses of it is sent once more.
 */
export interface Ledger {
  /** The row as it will stand once everything is written. */
  current(row: PusherRow): PusherRow
  note(row: PusherRow, state: PusherState): void
  /** Resolves when everything noted before is on disk. Throws what the database throws; then it is written later. */
  flush(): Promise<void>
  stop(): void
}

const interval = 250
const page = 200

interface Entry {
  readonly row: PusherRow
  readonly state: PusherState
}

export function createLedger({ db, clock, log }: { db: Database; clock: TimerClock; log: Log }): Ledger {
  const entries = new Map<string, Entry>()
  let cancel: (() => void) | undefined
  let writing: Promise<void> | undefined

  async function write(): Promise<void> {
    cancel?.()
    cancel = undefined
    const batch = [...entries]
    for (let i = 0; i < batch.length; i += page) {
      const some = batch.slice(i, i + page)
      await db.write('pushers', async (tx) => {
        for (const [, { row, state }] of some) await recordState(tx, row, state)
      })
      for (const [name, entry] of some) if (entries.get(name) === entry) entries.delete(name)
    }
  }

  async function flush(): Promise<void> {
    await writing?.catch(() => {
      // Whoever began that write is told.
    })
    if (entries.size === 0) return
    writing = write().finally(() => {
      writing = undefined
    })
    await writing
  }

  function plan(): void {
    cancel ??= clock.after(interval, () => {
      flush().catch((error: unknown) => {
        log.error({ err: error }, 'the state of pushers cannot be written')
        plan()
      })
    })
  }

  return {
    current: (row) => {
      const entry = entries.get(nameOf(keyOf(row)))
      // One that was set anew begins with what it was set with.
      return entry === undefined || entry.row.set_ts !== row.set_ts ? row : { ...row, ...entry.state }
    },
    note: (row, state) => {
      entries.set(nameOf(keyOf(row)), { row, state })
      plan()
    },
    flush,
    stop: () => cancel?.(),
  }
}
