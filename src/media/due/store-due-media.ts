import type { Reader } from '../../db/database.ts'

const pageSize = 500

function listPage(reader: Reader, numbers: readonly number[]) {
  return reader.qb
    .selectFrom('media as m')
    .innerJoin('media_blobs as b', 'b.blob_nid', 'm.blob_nid')
    .leftJoin('media_accesses as a', 'a.media_nid', 'm.media_nid')
    .select(['m.media_nid as nid', 'm.origin', 'm.media_id as mediaId', 'm.uploader', 'm.size', 'b.sha256'])
    .select(['m.created_ts as createdTs', 'a.used_ts as usedTs', 'a.kind'])
    .where('m.media_nid', 'in', numbers)
    .orderBy('m.media_nid')
    .execute()
}

/** Media that has its content, by its numbers. */
export async function listByNumber(reader: Reader, numbers: readonly number[]) {
  const rows: Awaited<ReturnType<typeof listPage>> = []
  for (let from = 0; from < numbers.length; from += pageSize) {
    rows.push(...(await listPage(reader, numbers.slice(from, from + pageSize))))
  }
  return rows
}
