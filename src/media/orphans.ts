import type { Database } from '../db/database.ts'
import { mapLimit } from '../util/async.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { BlobStore } from './blob-store.ts'
import { getPlace, notTheirs } from './storage.ts'
import { listKnownKeys } from './store-blobs.ts'

export interface OrphansDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly store: BlobStore
}

const pageSize = 500
const deletionsAtATime = 8
/** No upload takes longer. */
const unfinishedMs = 24 * 60 * 60 * 1000

/**
 * Deletes bytes that the database knows nothing of: an upload that was given up and arrived all the same, or what came after
 * the backup that the database was restored from.
 */
export function createOrphanSweep({ db, clock, log, store }: OrphansDeps) {
  return async (signal: AbortSignal): Promise<void> => {
    const { owner } = await getPlace(db)
    // Without a mark it is not certain whose they are.
    if (!(await store.claim(owner, { isNew: false }))) return log.warn(notTheirs(owner).message)
    let deleted = 0
    for await (const listed of store.list()) {
      for (let at = 0; at < listed.length; at += pageSize) {
        signal.throwIfAborted()
        const page = listed.slice(at, at + pageSize)
        // The database knew of a key before there were bytes, and still did when they were deleted.
        const known = await db.read((reader) => listKnownKeys(reader, page))
        const orphans = page.filter((key) => !known.has(key))
        await mapLimit(orphans, deletionsAtATime, (key) => store.delete(key))
        deleted += orphans.length
      }
    }
    if (deleted > 0) log.info({ deleted }, 'files of media that nothing knew of were deleted')
    await store.tidy(clock.now() - unfinishedMs)
  }
}
