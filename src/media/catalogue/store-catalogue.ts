import { type RawBuilder, sql } from 'kysely'
import type { Reader } from '../../db/database.ts'
import type { MediaKind } from '../../db/schema/media-admin.ts'
import type { MediaRef } from '../../matrix/mxc.ts'
import { notHeld, notInHold } from '../store-holds.ts'

export const mediaOrders = [
  'media_id',
  'upload_name',
  'created_ts',
  'last_access_ts',
  'media_length',
  'media_type',
  'quarantined_by',
  'safe_from_quarantine',
] as const
export type MediaOrder = (typeof mediaOrders)[number]

export interface MediaPage {
  readonly order: MediaOrder
  readonly descending: boolean
  readonly offset: number
  readonly limit: number
}

const live = (reader: Reader) =>
  reader.qb
    .selectFrom('media as m')
    .innerJoin('media_blobs as b', 'b.blob_nid', 'm.blob_nid')
    .leftJoin('media_accesses as a', 'a.media_nid', 'm.media_nid')
    .leftJoin('media_quarantines as q', 'q.sha256', 'b.sha256')
    .leftJoin('media_protections as p', 'p.media_nid', 'm.media_nid')

const shown = (reader: Reader) =>
  live(reader).select([
    'm.media_nid as nid',
    'm.blob_nid as blobNid',
    'm.origin',
    'm.media_id as mediaId',
    'm.uploader',
    'm.content_type as contentType',
    'm.file_name as fileName',
    'm.size',
    'm.created_ts as createdTs',
    'a.used_ts as usedTs',
    'a.kind',
    'b.sha256',
    'q.quarantined_by as quarantinedBy',
    'p.protected_by as protectedBy',
  ])

export type CatalogueEntry = Awaited<ReturnType<typeof listUploadsOf>>[number]

/** What is known of media that has its content. */
export function getEntry(reader: Reader, { origin, mediaId }: MediaRef): Promise<CatalogueEntry | undefined> {
  return shown(reader).where('m.origin', '=', origin).where('m.media_id', '=', mediaId).executeTakeFirst()
}

const columns: Readonly<Record<MediaOrder, string>> = {
  media_id: 'm.media_id',
  upload_name: 'm.file_name',
  created_ts: 'm.created_ts',
  last_access_ts: 'a.used_ts',
  media_length: 'm.size',
  media_type: 'm.content_type',
  quarantined_by: 'q.quarantined_by',
  safe_from_quarantine: 'p.protected_ts',
}

export function listUploadsOf(reader: Reader, uploader: string, page: MediaPage) {
  return shown(reader)
    .where('m.uploader', '=', uploader)
    .orderBy(sql.ref(columns[page.order]), page.descending ? 'desc' : 'asc')
    .orderBy('m.media_id')
    .offset(page.offset)
    .limit(page.limit)
    .execute()
}

/** The same, of what neither is held nor in quarantine. */
export function listDeletableOf(reader: Reader, uploader: string, page: MediaPage, now: number) {
  return shown(reader)
    .where('m.uploader', '=', uploader)
    .where(notHeld(now))
    .orderBy(sql.ref(columns[page.order]), page.descending ? 'desc' : 'asc')
    .orderBy('m.media_id')
    .offset(page.offset)
    .limit(page.limit)
    .execute()
}

export async function countUploadsOf(reader: Reader, uploader: string): Promise<number> {
  const { total } = await reader.qb
    .selectFrom('media')
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .where('uploader', '=', uploader)
    .where('state', '=', 'live')
    .executeTakeFirstOrThrow()
  return total
}

/** Media that no hold keeps; media in quarantine, too. */
export async function isDeletableById(reader: Reader, nid: number, now: number): Promise<boolean> {
  const query = reader.qb.selectFrom('media as m').select('m.media_nid').where('m.media_nid', '=', nid)
  return (await query.where(notInHold(now)).executeTakeFirst()) !== undefined
}

export interface UnusedFilter {
  readonly kind: MediaKind
  /** Last asked for before this time. */
  readonly before: number
  readonly sizeOver: number
  readonly keepPinned: boolean
}

/** A page of what was not asked for since a time, and is neither held nor in quarantine, the oldest first. */
export function listUnused(
  reader: Reader,
  filter: UnusedFilter,
  { after, limit, now }: { after: { ts: number; nid: number } | undefined; limit: number; now: number },
) {
  const isLater: RawBuilder<boolean> = sql`(a.used_ts, a.media_nid) > (${after?.ts ?? 0}, ${after?.nid ?? 0})`
  return reader.qb
    .selectFrom('media_accesses as a')
    .innerJoin('media as m', 'm.media_nid', 'a.media_nid')
    .select(['m.media_nid as nid', 'm.blob_nid as blobNid', 'm.media_id as mediaId', 'a.used_ts as usedTs'])
    .where('a.kind', '=', filter.kind)
    .where('a.used_ts', '<', filter.before)
    .where('m.size', '>', filter.sizeOver)
    .where('m.state', '=', 'live')
    .where(notHeld(now))
    .$if(filter.keepPinned, (query) => query.where('m.is_pinned', '=', 0))
    .$if(after !== undefined, (query) => query.where(isLater))
    .orderBy('a.used_ts')
    .orderBy('a.media_nid')
    .limit(limit)
    .execute()
}
