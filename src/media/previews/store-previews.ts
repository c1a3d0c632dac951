import { type RawBuilder, sql } from 'kysely'
import type { Reader, Tx } from '../../db/database.ts'
import { notProtected } from '../moderation/store-protections.ts'
import { notHeld } from '../store-holds.ts'

export interface StoredPreview {
  /** JSON; null: the page could not be fetched. */
  readonly properties: string | null
  readonly expiresTs: number
}

/** The newest preview of an address that was fetched at `ts` or before. */
export function getPreview(reader: Reader, urlDigest: string, ts: number): Promise<StoredPreview | undefined> {
  return reader.qb
    .selectFrom('url_previews')
    .select(['properties', 'expires_ts as expiresTs'])
    .where('url_digest', '=', urlDigest)
    .where('fetched_ts', '<=', ts)
    .orderBy('fetched_ts', 'desc')
    .orderBy('preview_nid', 'desc')
    .limit(1)
    .executeTakeFirst()
}

export interface NewPreview extends StoredPreview {
  readonly urlDigest: string
  readonly mediaNid: number | null
  readonly fetchedTs: number
}

export async function insertPreview(tx: Tx, preview: NewPreview): Promise<void> {
  const { urlDigest, properties, mediaNid, fetchedTs, expiresTs } = preview
  await tx.qb
    .insertInto('url_previews')
    .values({
      url_digest: urlDigest,
      properties,
      media_nid: mediaNid,
      fetched_ts: fetchedTs,
      expires_ts: expiresTs,
    })
    .execute()
}

/**
 * Deletes previews that expired before `before`, but none whose picture is held, in quarantine, protected, or somebody's
 * avatar by now; returns how many, and the media that they showed.
 */
export async function takeOldPreviews(
  tx: Tx,
  { before, limit, now }: { before: number; limit: number; now: number },
): Promise<{ count: number; media: { nid: number; blobNid: number | null }[] }> {
  const isFree: RawBuilder<boolean> = sql`m.media_nid is null
    or (m.is_pinned = 0 and ${notHeld(now)} and ${notProtected()})`
  const rows = await tx.qb
    .selectFrom('url_previews as p')
    .leftJoin('media as m', 'm.media_nid', 'p.media_nid')
    .select(['p.preview_nid', 'm.media_nid as nid', 'm.blob_nid as blobNid'])
    .where('p.expires_ts', '<', before)
    .where(sql<boolean>`(${isFree})`)
    .orderBy('p.expires_ts')
    .limit(limit)
    .execute()
  const numbers = rows.map(({ preview_nid: nid }) => nid)
  if (numbers.length > 0) await tx.qb.deleteFrom('url_previews').where('preview_nid', 'in', numbers).execute()
  return { count: rows.length, media: rows.flatMap(({ nid, blobNid }) => (nid === null ? [] : [{ nid, blobNid }])) }
}
