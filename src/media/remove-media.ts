import type { Tx } from '../db/database.ts'
import { deleteAccesses } from './accesses/store-accesses.ts'
import type { Blobs } from './blobs.ts'
import { type DeletionCause, logDeletions } from './deletions/store-deletions.ts'
import { deleteDeliveries } from './delivery/store-deliveries.ts'
import { deleteProtections } from './moderation/store-protections.ts'
import { deleteMediaRows, markDeleted } from './store-media.ts'

/** Media that is to go, and the blob that it is kept in. */
export interface RemovedMedia {
  readonly nid: number
  readonly blobNid: number | null
}

/**
 * Deletes media: an id that nobody gets again stays, and the bytes go after the commit when nothing else uses them. With
 * `isForgotten` not even the id stays: for copies of other servers' media, which may be fetched again.
 */
export async function removeMedia(
  tx: Tx,
  blobs: Pick<Blobs, 'release'>,
  media: readonly RemovedMedia[],
  { isForgotten = false, ...cause }: DeletionCause & { readonly isForgotten?: boolean },
): Promise<void> {
  if (media.length === 0) return
  const numbers = media.map(({ nid }) => nid)
  await logDeletions(tx, numbers, cause)
  if (isForgotten) await deleteMediaRows(tx, numbers)
  else await markDeleted(tx, numbers, cause.reason, cause.now)
  await deleteDeliveries(tx, numbers, cause)
  await deleteAccesses(tx, numbers)
  await deleteProtections(tx, numbers)
  await blobs.release(
    tx,
    media.flatMap(({ blobNid }) => blobNid ?? []),
  )
}
