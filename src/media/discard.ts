import type { Tx } from '../db/database.ts'
import type { MediaRef } from '../matrix/mxc.ts'
import type { Clock } from '../util/clock.ts'
import type { Blobs } from './blobs.ts'
import { isDeletableById } from './catalogue/store-catalogue.ts'
import { removeMedia } from './remove-media.ts'
import { getMedia } from './store-media.ts'

/** Makes what deletes media whose message was never sent. */
export function createDiscard({ clock, blobs }: { clock: Clock; blobs: Pick<Blobs, 'release'> }) {
  return async (tx: Tx, refs: readonly MediaRef[]): Promise<void> => {
    const now = clock.now()
    for (const ref of refs) {
      const media = await getMedia(tx, ref)
      if (media?.state !== 'live' || media.isFollowed || !(await isDeletableById(tx, media.nid, now))) continue
      const removed = { nid: media.nid, blobNid: media.blob?.nid ?? null }
      await removeMedia(tx, blobs, [removed], { reason: 'the message was never sent', now })
    }
  }
}
