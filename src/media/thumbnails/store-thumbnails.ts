import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import { insertThumbnailAccess } from '../accesses/store-accesses.ts'
import type { PictureFacts } from './image-library.ts'

/** A derived picture, or the reason why there is none. */
export interface StoredThumbnail {
  readonly contentType: string
  readonly blob: { readonly nid: number; readonly key: string; readonly sha256: string; readonly size: number }
}

const facts = prepare((qb, p: { nid: number }) =>
  qb.selectFrom('media_blobs').select(['width', 'height', 'frames']).where('blob_nid', '=', p.nid),
)

/** What is known of a picture; undefined before it has been looked at. */
export async function getFacts(reader: Reader, nid: number): Promise<PictureFacts | undefined> {
  const row = await facts.first(reader, { nid })
  if (!row || row.width === null || row.height === null || row.frames === null) return undefined
  return { width: row.width, height: row.height, frames: row.frames }
}

export async function setFacts(tx: Tx, nid: number, { width, height, frames }: PictureFacts): Promise<void> {
  await tx.qb.updateTable('media_blobs').set({ width, height, frames }).where('blob_nid', '=', nid).execute()
}

const thumbnail = prepare((qb, p: { source: number; variant: string }) =>
  qb
    .selectFrom('media_thumbnails as t')
    .leftJoin('media_blobs as b', 'b.blob_nid', 't.blob_nid')
    .select(['t.content_type', 'b.blob_nid', 'b.storage_key', 'b.sha256', 'b.size'])
    .where('t.source_nid', '=', p.source)
    .where('t.variant', '=', p.variant),
)

/** `impossible`: it was tried, and this picture cannot be read. */
export async function getThumbnail(
  reader: Reader,
  source: number,
  variant: string,
): Promise<StoredThumbnail | 'impossible' | undefined> {
  const row = await thumbnail.first(reader, { source, variant })
  if (!row) return undefined
  const { content_type: contentType, blob_nid: nid, storage_key: key, sha256, size } = row
  if (contentType === null || nid === null || key === null || sha256 === null || size === null) return 'impossible'
  return { contentType, blob: { nid, key, sha256, size } }
}

/** Without `result` it is noted that there can be none. */
export async function putThumbnail(
  tx: Tx,
  source: number,
  variant: string,
  result?: { blobNid: number; contentType: string },
): Promise<void> {
  const values = { blob_nid: result?.blobNid ?? null, content_type: result?.contentType ?? null }
  await tx.qb
    .insertInto('media_thumbnails')
    .values({ source_nid: source, variant, ...values })
    .onConflict((conflict) => conflict.columns(['source_nid', 'variant']).doUpdateSet(values))
    .execute()
  if (result) await insertThumbnailAccess(tx, result.blobNid)
}
