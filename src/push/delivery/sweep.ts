import type { Database } from '../../db/database.ts'
import { createYielder } from '../../util/async.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { PusherKey } from '../store-pushers.ts'
import { advancePusher, keyOf, listEnabledPushers, nameOf } from './store-delivery.ts'

/** Writes now and then that idle pushers owe nothing, so that after a restart they need not look far back. */
export interface Sweeper {
  start(): void
  stop(): Promise<void>
}

const interval = 600_000
/** Fewer positions are not worth a write. */
const minAdvance = 200
const page = 200

interface Deps {
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  /** Up to where everybody concerned has been woken. */
  position(): number
  isBusy(name: string): boolean
}

export function createSweeper({ db, clock, log, position, isBusy }: Deps): Sweeper {
  let cancel: (() => void) | undefined
  let swept = 0
  let working: Promise<void> = Promise.resolve()

  async function sweep(): Promise<void> {
    const upTo = position()
    if (upTo < swept + minAdvance) return
    const pause = createYielder()
    for (let after: PusherKey = { userId: '', appId: '', pushkey: '' }; ; await pause()) {
      const rows = await db.read((reader) => listEnabledPushers(reader, after, page))
      const idle = rows.filter(
        (row) => row.attempts === 0 && row.retry_ts === null && row.position < upTo && !isBusy(nameOf(keyOf(row))),
      )
      if (idle.length > 0) {
        await db.write('pushers are idle', async (tx) => {
          for (const row of idle) await advancePusher(tx, keyOf(row), upTo)
        })
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < page) break
      after = keyOf(last)
    }
    swept = upTo
  }

  function run(): void {
    working = sweep().catch((error: unknown) => log.warn({ err: error }, 'the positions of pushers were not written'))
  }

  function wait(): void {
    cancel = clock.after(interval, () => {
      run()
      wait()
    })
  }

  return {
    start: () => {
      swept = position()
      wait()
    },
    stop: async () => {
      cancel?.()
      await working
      run()
      await working
    },
  }
}
