import type { Reader } from '../../db/database.ts'
import type { MediaKind } from '../../db/schema/media-admin.ts'

export interface Amount {
  readonly files: number
  readonly bytes: number
}

interface AmountPage extends Amount {
  readonly kind: MediaKind | 'thumbnail'
  /** The highest number of these. */
  readonly last: number
}

/** How much there is among the `limit` numbers after `after`, by kind; nothing once there are no more. */
export async function sumMediaPage(reader: Reader, after: number, limit: number): Promise<AmountPage[]> {
  const page = reader.qb
    .selectFrom('media_accesses as a')
    .innerJoin('media as m', 'm.media_nid', 'a.media_nid')
    .select(['a.kind', 'm.size', 'a.media_nid'])
    .where('a.media_nid', '>', after)
    .orderBy('a.media_nid')
    .limit(limit)
  const rows = await reader.qb
    .selectFrom(page.as('page'))
    .select(({ fn }) => [
      'kind',
      fn.countAll<number>().as('files'),
      fn.sum<number>('size').as('bytes'),
      fn.max('media_nid').as('last'),
    ])
    .groupBy('kind')
    .execute()
  return rows.map((row) => ({ ...row, bytes: Number(row.bytes) }))
}

/** The same for thumbnails. */
export async function sumThumbnailPage(reader: Reader, after: number, limit: number): Promise<AmountPage[]> {
  const page = reader.qb
    .selectFrom('thumbnail_accesses as a')
    .innerJoin('media_blobs as b', 'b.blob_nid', 'a.blob_nid')
    .select(['b.size', 'a.blob_nid'])
    .where('a.blob_nid', '>', after)
    .orderBy('a.blob_nid')
    .limit(limit)
  const row = await reader.qb
    .selectFrom(page.as('page'))
    .select(({ fn }) => [
      fn.countAll<number>().as('files'),
      fn.sum<number | null>('size').as('bytes'),
      fn.max<number | null>('blob_nid').as('last'),
    ])
    .executeTakeFirstOrThrow()
  if (row.last === null) return []
  return [{ kind: 'thumbnail', files: row.files, bytes: Number(row.bytes), last: row.last }]
}

/** All bytes that are stored: contents that are the same count once. */
export async function sumBlobPage(
  reader: Reader,
  after: number,
  limit: number,
): Promise<(Amount & { last: number })[]> {
  const page = reader.qb
    .selectFrom('media_blobs')
    .select(['size', 'blob_nid'])
    .where('blob_nid', '>', after)
    .orderBy('blob_nid')
    .limit(limit)
  const row = await reader.qb
    .selectFrom(page.as('page'))
    .select(({ fn }) => [
      fn.countAll<number>().as('files'),
      fn.sum<number | null>('size').as('bytes'),
      fn.max<number | null>('blob_nid').as('last'),
    ])
    .executeTakeFirstOrThrow()
  return row.last === null ? [] : [{ files: row.files, bytes: Number(row.bytes), last: row.last }]
}
