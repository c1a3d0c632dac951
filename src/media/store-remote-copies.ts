import type { Database, Tx } from '../db/database.ts'
import type { MediaRef } from '../matrix/mxc.ts'
import type { Clock } from '../util/clock.ts'
import type { Blobs } from './blobs.ts'
import { removeMedia } from './remove-media.ts'
import { notHeld } from './store-holds.ts'

const pageSize = 100

/** Copies of other servers' media that these want gone. What is held stays. */
export interface RemoteCopies {
  /** Its server has deleted it: our copy goes, and is not fetched again. */
  drop(ref: MediaRef): Promise<void>
  /** Deletes copies of what its server deletes soon; whoever asks later fetches them again, while they are there. */
  sweep(signal: AbortSignal): Promise<void>
}

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly blobs: Pick<Blobs, 'release'>
  readonly serverName: string
}

export function createRemoteCopies({ db, clock, blobs, serverName }: Deps): RemoteCopies {
  const list = (tx: Tx) =>
    tx.qb
      .selectFrom('media as m')
      .select(['m.media_nid as nid', 'm.blob_nid as blobNid'])
      .where('m.origin', '<>', serverName)
      .where('m.state', '=', 'live')
      .where(notHeld(clock.now()))

  return {
    drop: async ({ origin, mediaId }) => {
      await db.write('media: dropped by its server', async (tx) => {
        const found = await list(tx).where('m.origin', '=', origin).where('m.media_id', '=', mediaId).execute()
        await removeMedia(tx, blobs, found, { reason: 'its server has deleted it', now: clock.now() })
      })
    },
    sweep: async (signal) => {
      for (let count = pageSize; count === pageSize; ) {
        signal.throwIfAborted()
        count = await db.write('media: expire copies', async (tx) => {
          const found = await list(tx).where('m.expires_ts', '<=', clock.now()).limit(pageSize).execute()
          if (found.length === 0) return 0
          const cause = { reason: 'its server deletes it soon', now: clock.now(), isForgotten: true }
          await removeMedia(tx, blobs, found, cause)
          return found.length
        })
      }
    },
  }
}
