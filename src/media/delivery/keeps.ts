import type { Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { MediaRef } from '../../matrix/mxc.ts'
import { resettleJob } from './resettle.ts'
import type { Settle } from './settle.ts'
import { deleteKeep, deleteKeepsOf, insertKeep } from './store-keeps.ts'
import { getLinkedMedia, listThumbnailsOf } from './store-links.ts'

/** Recipients who want to keep what they got: it is not deleted after its delivery, unless its uploader or the room wants that. */
export interface Keeps {
  /** False where there is no such media here of that uploader, or none any more. */
  keep(tx: Tx, ref: MediaRef, wish: { userId: string; uploader: string; isKept: boolean }): Promise<boolean>
  /** The user keeps nothing any more. */
  keepNothing(tx: Tx, userId: string): Promise<void>
}

interface Deps {
  readonly jobs: Pick<Jobs, 'enqueue'>
  readonly settle: Settle
  readonly serverName: string
}

export function createKeeps({ jobs, settle, serverName }: Deps): Keeps {
  return {
    keep: async (tx, ref, { userId, uploader, isKept }) => {
      const media = ref.origin === serverName ? await getLinkedMedia(tx, ref) : undefined
      if (media?.uploader !== uploader) return false
      await (isKept ? insertKeep : deleteKeep)(tx, media.nid, userId)
      for (const nid of [media.nid, ...(await listThumbnailsOf(tx, [media.nid]))]) await settle(tx, nid)
      return true
    },
    keepNothing: async (tx, userId) => {
      for (const nid of await deleteKeepsOf(tx, userId)) {
        for (const media of [nid, ...(await listThumbnailsOf(tx, [nid]))])
          await jobs.enqueue(tx, resettleJob, { media })
      }
    },
  }
}
