import type { Database } from '../db/database.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { TimerClock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { Blobs } from './blobs.ts'
import type { Delivery } from './delivery/delivery.ts'
import type { Previews } from './previews/previews.ts'
import { deleteExpired } from './store-media.ts'
import type { RemoteCopies } from './store-remote-copies.ts'

export interface SweeperDeps {
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle'>
  readonly blobs: Blobs
  readonly previews: Pick<Previews, 'sweep'>
  readonly copies: Pick<RemoteCopies, 'sweep'>
  readonly delivery: Pick<Delivery, 'sweep'>
  readonly intervalMs: number
}

export const sweepJob = 'media.sweep'
const pageSize = 500
/** No upload takes longer. */
const unfinishedMs = 24 * 60 * 60 * 1000

/** Deletes what is due, again and again. */
export function createSweeper({ db, clock, log, jobs, blobs, previews, copies, delivery, intervalMs }: SweeperDeps) {
  let cancel: (() => void) | undefined

  jobs.handle(sweepJob, async (_payload, signal) => {
    for (let deleted = pageSize; deleted === pageSize; ) {
      signal.throwIfAborted()
      deleted = await db.write('media: expire', (tx) => deleteExpired(tx, clock.now(), pageSize))
    }
    await previews.sweep(signal)
    await copies.sweep(signal)
    await delivery.sweep(signal)
    await blobs.sweep(signal, clock.now() - unfinishedMs)
  })

  function start(): void {
    cancel = clock.after(intervalMs, () => {
      db.write('schedule media sweep', (tx) => jobs.enqueue(tx, sweepJob, {}, { key: 'timer' })).catch(
        (error: unknown) => log.warn({ err: error }, 'the deletion of media could not be scheduled'),
      )
      start()
    })
  }

  return { start, stop: () => cancel?.() }
}
