import type { Tx } from '../db/database.ts'
import type { Blobs } from './blobs.ts'
import { deleteDeliveries } from './delivery/store-deliveries.ts'
import { markDeleted } from './store-media.ts'

/** Media that is to go, and the blob that it is kept in. */
export interface RemovedMedia {
  readonly nid: number
  readonly blobNid: number | null
}

/** Deletes media: an id that nobody gets again stays, and the bytes go after the commit when nothing else uses them. */
export async function removeMedia(
  tx: Tx,
  blobs: Pick<Blobs, 'release'>,
  media: readonly RemovedMedia[],
  { reason, now }: { reason: string; now: number },
): Promise<void> {
  if (media.length === 0) return
  const numbers = media.map(({ nid }) => nid)
  await markDeleted(tx, numbers, reason, now)
  await deleteDeliveries(tx, numbers)
  await blobs.release(
    tx,
    media.flatMap(({ blobNid }) => blobNid ?? []),
  )
}
