import type { Database, Tx } from '../db/database.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { UserId } from '../matrix/ids.ts'
import type { Clock } from '../util/clock.ts'
import type { Blobs } from './blobs.ts'
import { removeMedia } from './remove-media.ts'
import { listMediaOf } from './store-media.ts'

export interface EraserDeps {
  readonly db: Database
  readonly clock: Clock
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle'>
  readonly blobs: Blobs
}

const kind = 'media.erase user'
const pageSize = 200

/** Deletes everything that a user has uploaded and that is not held, in the background, when the account is deactivated with `erase`. */
export function createEraser({ db, clock, jobs, blobs }: EraserDeps) {
  jobs.handle(kind, async ({ user }, signal) => {
    // The payload is ours.
    const userId = user as UserId
    for (let after = 0; ; ) {
      signal.throwIfAborted()
      const from = after
      after = await db.write('media: erase', async (tx) => {
        const now = clock.now()
        const page = await listMediaOf(tx, userId, { after: from, limit: pageSize, now })
        await removeMedia(tx, blobs, page, { reason: 'the account was erased', now })
        return page.at(-1)?.nid ?? 0
      })
      if (after === 0) return
    }
  })
  return async (tx: Tx, { userId, erase }: { userId: UserId; erase: boolean }): Promise<void> => {
    if (erase) await jobs.enqueue(tx, kind, { user: userId })
  }
}
