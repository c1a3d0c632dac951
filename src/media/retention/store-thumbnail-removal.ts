import type { Tx } from '../../db/database.ts'
import { deleteThumbnailAccesses } from '../accesses/store-accesses.ts'

/** Forgets thumbnails by the blobs that they are kept in, which are the caller's to release. */
export async function deleteThumbnails(tx: Tx, blobNumbers: readonly number[]): Promise<void> {
  if (blobNumbers.length === 0) return
  await tx.qb.deleteFrom('media_thumbnails').where('blob_nid', 'in', blobNumbers).execute()
  await deleteThumbnailAccesses(tx, blobNumbers)
}
