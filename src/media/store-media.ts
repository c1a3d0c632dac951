import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { MediaState } from '../db/schema/media.ts'
import type { MediaKind } from '../db/schema/media-admin.ts'
import type { ServerName, UserId } from '../matrix/ids.ts'
import type { MediaRef } from '../matrix/mxc.ts'
import { insertAccess } from './accesses/store-accesses.ts'
import type { Blob } from './store-blobs.ts'
import { notHeld } from './store-holds.ts'

/** A piece of media as its row says; `blob` while there is content. */
export interface StoredMedia extends MediaRef {
  readonly nid: number
  readonly uploader: UserId | null
  readonly state: MediaState
  readonly contentType: string | null
  readonly fileName: string | null
  readonly createdTs: number
  readonly expiresTs: number | null
  readonly blob: Blob | undefined
  readonly isQuarantined: boolean
  /** Whether it matters who downloads it. */
  readonly isFollowed: boolean
  /** Whether it is deleted once it is delivered. */
  readonly isEphemeral: boolean
}

/** What is known of a file beside its bytes. */
export interface FileInfo {
  readonly contentType: string | undefined
  readonly fileName: string | undefined
}

const byRef = prepare((qb, p: MediaRef) =>
  qb
    .selectFrom('media as m')
    .leftJoin('media_blobs as b', 'b.blob_nid', 'm.blob_nid')
    .leftJoin('media_deliveries as d', 'd.media_nid', 'm.media_nid')
    .leftJoin('media_quarantines as q', 'q.sha256', 'b.sha256')
    .leftJoin('media_protections as p', 'p.media_nid', 'm.media_nid')
    .select([
      'm.media_nid',
      'm.origin',
      'm.media_id',
      'm.uploader',
      'm.state',
      'm.content_type',
      'm.file_name',
      'm.created_ts',
      'm.expires_ts',
      'b.blob_nid',
      'b.storage_key',
      'b.sha256',
      'b.size',
      'b.detected_type',
      'd.linked_ts',
      'q.quarantined_ts',
      'p.protected_ts',
      'd.is_ephemeral',
    ])
    .where('m.origin', '=', p.origin)
    .where('m.media_id', '=', p.mediaId),
)

export async function getMedia(reader: Reader, ref: MediaRef): Promise<StoredMedia | undefined> {
  const row = await byRef.first(reader, ref)
  if (!row) return undefined
  const { blob_nid: nid, storage_key: key, sha256, size } = row
  return {
    nid: row.media_nid,
    origin: row.origin as ServerName,
    mediaId: row.media_id,
    uploader: row.uploader as UserId | null,
    state: row.state,
    contentType: row.content_type,
    fileName: row.file_name,
    createdTs: row.created_ts,
    expiresTs: row.expires_ts,
    isFollowed: row.linked_ts !== null,
    isQuarantined: row.quarantined_ts !== null && row.protected_ts === null,
    isEphemeral: row.is_ephemeral === 1,
    blob:
      nid === null || key === null || sha256 === null || size === null
        ? undefined
        : { nid, key, sha256, size, detectedType: row.detected_type },
  }
}

export interface NewMedia extends MediaRef {
  readonly uploader: UserId | null
  readonly createdTs: number
  /** Default: uploaded here. */
  readonly kind?: MediaKind
}

/** Adds an id that waits for its content until `expiresTs`. */
export async function insertPendingMedia(tx: Tx, media: NewMedia & { expiresTs: number }): Promise<void> {
  await tx.qb
    .insertInto('media')
    .values({ ...columnsOf(media), state: 'pending', blob_nid: null, size: 0, expires_ts: media.expiresTs })
    .execute()
}

/** Adds media with its content. */
export async function insertMedia(tx: Tx, media: NewMedia & FileInfo, blob: Blob): Promise<number> {
  const { nid } = await tx.qb
    .insertInto('media')
    .values({ ...columnsOf(media), ...contentColumns(media, blob) })
    .returning('media_nid as nid')
    .executeTakeFirstOrThrow()
  await insertAccess(tx, nid, media.kind ?? 'local', media.createdTs)
  return nid
}

/** Gives a pending id its content; false where it is not pending any more. */
export async function fillMedia(tx: Tx, nid: number, info: FileInfo, blob: Blob): Promise<boolean> {
  const filled = await tx.qb
    .updateTable('media')
    .set(contentColumns(info, blob))
    .where('media_nid', '=', nid)
    .where('state', '=', 'pending')
    .returning('created_ts')
    .executeTakeFirst()
  if (filled) await insertAccess(tx, nid, 'local', filled.created_ts)
  return filled !== undefined
}

function columnsOf({ origin, mediaId, uploader, createdTs }: NewMedia) {
  return { origin, media_id: mediaId, uploader, is_pinned: 0, created_ts: createdTs }
}

function contentColumns({ contentType, fileName }: FileInfo, blob: Blob) {
  return {
    state: 'live' as const,
    content_type: contentType ?? null,
    file_name: fileName ?? null,
    blob_nid: blob.nid,
    size: blob.size,
    expires_ts: null,
  }
}

/** Ids that a user has created and not used: how many, and when the first of them expires. */
export async function getPending(
  reader: Reader,
  userId: UserId,
  now: number,
): Promise<{ count: number; firstExpiresTs: number | null }> {
  const { count, first } = await reader.qb
    .selectFrom('media')
    .select(({ fn }) => [fn.countAll<number>().as('count'), fn.min('expires_ts').as('first')])
    .where('uploader', '=', userId)
    .where('state', '=', 'pending')
    .where('expires_ts', '>', now)
    .executeTakeFirstOrThrow()
  return { count, firstExpiresTs: first }
}

/** Bytes that a user has uploaded from `since` on; without it, all that are still kept. */
export async function getUploadedBytes(reader: Reader, userId: UserId, since?: number): Promise<number> {
  const uploads = reader.qb.selectFrom('media').where('uploader', '=', userId)
  const counted = since === undefined ? uploads.where('state', '=', 'live') : uploads.where('created_ts', '>=', since)
  const { bytes } = await counted
    .select(({ fn }) => fn.sum<number | null>('size').as('bytes'))
    .executeTakeFirstOrThrow()
  // PostgreSQL sums bigints into a numeric, which arrives as text.
  return Number(bytes ?? 0)
}

/** Forgets created ids whose time is up; returns how many. */
export async function deleteExpired(tx: Tx, now: number, limit: number): Promise<number> {
  const { numDeletedRows } = await tx.qb
    .deleteFrom('media')
    .where('media_nid', 'in', (qb) =>
      qb
        .selectFrom('media')
        .select('media_nid')
        .where('expires_ts', '<=', now)
        .where('state', '=', 'pending')
        .orderBy('expires_ts')
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}

/** A page of a user's media that may be deleted, in the order of their numbers. */
export function listMediaOf(
  reader: Reader,
  userId: UserId,
  { after, limit, now }: { after: number; limit: number; now: number },
): Promise<{ nid: number; blobNid: number | null }[]> {
  return reader.qb
    .selectFrom('media as m')
    .select(['m.media_nid as nid', 'm.blob_nid as blobNid'])
    .where('m.uploader', '=', userId)
    .where('m.media_nid', '>', after)
    .where('m.state', '<>', 'deleted')
    .where(notHeld(now))
    .orderBy('m.media_nid')
    .limit(limit)
    .execute()
}

/** Has media end at a time, in ms since 1970. */
export async function expireMedia(tx: Tx, nid: number, expiresTs: number): Promise<void> {
  await tx.qb.updateTable('media').set({ expires_ts: expiresTs }).where('media_nid', '=', nid).execute()
}

/** Turns media into tombstones. Their blobs are the caller's to release. */
export async function markDeleted(tx: Tx, numbers: readonly number[], reason: string, now: number): Promise<void> {
  if (numbers.length === 0) return
  await tx.qb
    .updateTable('media')
    .set({
      state: 'deleted',
      blob_nid: null,
      content_type: null,
      file_name: null,
      expires_ts: null,
      deleted_ts: now,
      deleted_reason: reason,
    })
    .where('media_nid', 'in', numbers)
    .execute()
}

/** Forgets media without a trace. Its blobs are the caller's to release. */
export async function deleteMediaRows(tx: Tx, numbers: readonly number[]): Promise<void> {
  await tx.qb.deleteFrom('media_holds').where('media_nid', 'in', numbers).execute()
  await tx.qb.deleteFrom('media').where('media_nid', 'in', numbers).execute()
}
