import type { Database } from '../../db/database.ts'
import type { MediaKind } from '../../db/schema/media-admin.ts'
import type { Clock } from '../../util/clock.ts'
import { listDeletionTotals } from '../deletions/store-deletions.ts'
import { type Amount, sumBlobs, sumMedia, sumThumbnails } from './amounts.ts'

export interface Measures {
  /** What is kept, by kind, as if nothing were shared. */
  readonly kept: ReadonlyMap<MediaKind | 'thumbnail', Amount>
  /** What that takes on disk. */
  readonly stored: Amount
  /** What was deleted since the database was made. */
  readonly deleted: readonly { kind: string; reason: string; files: number; bytes: number }[]
}

/** Adding up a million files takes a moment, and nobody needs it more often. */
const lifetime = 60_000

/** How much there is and was; what is kept may be a minute old. */
export function createMeasures({ db, clock }: { db: Database; clock: Clock }): () => Promise<Measures> {
  let known: { at: number; value: Promise<Pick<Measures, 'kept' | 'stored'>> } | undefined

  async function addUp(): Promise<Pick<Measures, 'kept' | 'stored'>> {
    const kept = await sumMedia(db)
    kept.set('thumbnail', await sumThumbnails(db))
    return { kept, stored: await sumBlobs(db) }
  }

  return async () => {
    if (!known || clock.now() - known.at >= lifetime) {
      const value = addUp()
      known = { at: clock.now(), value }
      value.catch(() => {
        known = undefined
      })
    }
    return { ...(await known.value), deleted: await db.read(listDeletionTotals) }
  }
}
