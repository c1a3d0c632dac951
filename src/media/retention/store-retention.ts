import { type RawBuilder, sql } from 'kysely'
import type { Reader } from '../../db/database.ts'
import { notProtected } from '../moderation/store-protections.ts'
import type { RemovedMedia } from '../remove-media.ts'
import { notHeld } from '../store-holds.ts'
import type { Aged, RetainedKind, RetentionRule } from './policy.ts'

/** Something that a page has shown, with what is known about it. */
export interface RetainedThing extends Aged, RemovedMedia {
  /** Undefined for thumbnails, which have no id. */
  readonly ref: { readonly origin: string; readonly mediaId: string } | undefined
  readonly uploader: string | null
  readonly sha256: string
}

/** The last thing of the page before. */
export interface Cursor {
  readonly ts: number
  readonly nid: number
}

export interface PageRequest {
  readonly after: Cursor | undefined
  readonly limit: number
  readonly now: number
}

const flag = (condition: RawBuilder<boolean>) => sql<number>`case when ${condition} then 1 else 0 end`

/**
 * The next things whose time is not after that of the rule, the oldest first. Those that may not be deleted are among
 * them, so that a page costs the same whatever there is.
 */
export async function listAged(reader: Reader, rule: RetentionRule, request: PageRequest): Promise<RetainedThing[]> {
  return rule.kind === 'thumbnail'
    ? listAgedThumbnails(reader, rule, request)
    : listAgedMedia(reader, rule, rule.kind, request)
}

async function listAgedMedia(
  reader: Reader,
  { column, until }: RetentionRule,
  kind: RetainedKind,
  { after, limit, now }: PageRequest,
): Promise<RetainedThing[]> {
  const isFree = sql<boolean>`m.state = 'live' and m.is_pinned = 0 and ${notHeld(now)} and ${notProtected()}`
  const isUnattached = sql<boolean>`a.used_ts = a.created_ts
    and not exists (select 1 from media_links as l where l.media_nid = m.media_nid)`
  const rows = await reader.qb
    .selectFrom('media_accesses as a')
    .innerJoin('media as m', 'm.media_nid', 'a.media_nid')
    .leftJoin('media_blobs as b', 'b.blob_nid', 'm.blob_nid')
    .select(['m.media_nid', 'm.blob_nid', 'm.origin', 'm.media_id', 'm.uploader', 'm.size', 'b.sha256'])
    .select(['a.created_ts', 'a.used_ts', flag(isFree).as('is_free'), flag(isUnattached).as('is_unattached')])
    .where('a.kind', '=', kind === 'remote' ? 'remote' : 'local')
    .where(`a.${column}`, '<=', until)
    .$if(after !== undefined, (query) =>
      query.where(sql<boolean>`(${sql.ref(`a.${column}`)}, a.media_nid) > (${after?.ts ?? 0}, ${after?.nid ?? 0})`),
    )
    .orderBy(`a.${column}`)
    .orderBy('a.media_nid')
    .limit(limit)
    .execute()
  return rows.map((row) => ({
    nid: row.media_nid,
    blobNid: row.blob_nid,
    ref: { origin: row.origin, mediaId: row.media_id },
    uploader: row.uploader,
    sha256: row.sha256 ?? '',
    size: row.size,
    createdTs: row.created_ts,
    usedTs: row.used_ts,
    isFree: row.is_free === 1,
    isUnattached: row.is_unattached === 1,
  }))
}

async function listAgedThumbnails(
  reader: Reader,
  { column, until }: RetentionRule,
  { after, limit }: PageRequest,
): Promise<RetainedThing[]> {
  const rows = await reader.qb
    .selectFrom('thumbnail_accesses as a')
    .innerJoin('media_blobs as b', 'b.blob_nid', 'a.blob_nid')
    .select(['a.blob_nid', 'a.created_ts', 'a.used_ts', 'b.size', 'b.sha256', 'b.state'])
    .where(`a.${column}`, '<=', until)
    .$if(after !== undefined, (query) =>
      query.where(sql<boolean>`(${sql.ref(`a.${column}`)}, a.blob_nid) > (${after?.ts ?? 0}, ${after?.nid ?? 0})`),
    )
    .orderBy(`a.${column}`)
    .orderBy('a.blob_nid')
    .limit(limit)
    .execute()
  return rows.map((row) => ({
    nid: row.blob_nid,
    blobNid: row.blob_nid,
    ref: undefined,
    uploader: null,
    sha256: row.sha256,
    size: row.size,
    createdTs: row.created_ts,
    usedTs: row.used_ts,
    isFree: row.state === 'stored',
    isUnattached: false,
  }))
}
