import type { Database, Tx } from '../db/database.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { UserId } from '../matrix/ids.ts'
import type { Clock } from '../util/clock.ts'
import type { Blobs } from './blobs.ts'
import { listMediaOf, markDeleted } from './store-media.ts'

export interface EraserDeps {
  readonly db: Database
  readonly clock: Clock
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle'>
  readonly blobs: Blobs
}

const kind = 'media.erase user'
const pageSize = 200

/** Deletes everything that a user has uploaded, in the background, when the account is deactivated with `erase`. */
export function createEraser({ db, clock, jobs, blobs }: EraserDeps) {
  jobs.handle(kind, async ({ user }, signal) => {
    // The payload is ours.
    const userId = user as UserId
    for (let after = 0; ; ) {
      signal.throwIfAborted()
      const page = await db.read((reader) => listMediaOf(reader, userId, { after, limit: pageSize }))
      const numbers = page.map(({ nid }) => nid)
      after = numbers.at(-1) ?? 0
      if (after === 0) return
      await db.write('media: erase', async (tx) => {
        await markDeleted(tx, numbers, 'the account was erased', clock.now())
        await blobs.release(
          tx,
          page.flatMap(({ blobNid }) => blobNid ?? []),
        )
      })
    }
  })
  return async (tx: Tx, { userId, erase }: { userId: UserId; erase: boolean }): Promise<void> => {
    if (erase) await jobs.enqueue(tx, kind, { user: userId })
  }
}
