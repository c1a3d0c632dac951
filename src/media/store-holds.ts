import { type RawBuilder, sql } from 'kysely'
import type { Reader, Tx } from '../db/database.ts'

export type HoldKind = 'legal' | 'quarantine' | 'report'

/** What a hold is about: one piece of media, or all that fits everything else that is given. */
export interface HeldMedia {
  readonly mediaNid?: number | undefined
  readonly userId?: string | undefined
  readonly roomNid?: number | undefined
  /** When it was uploaded, in ms since 1970: from, and before. */
  readonly fromTs?: number | undefined
  readonly untilTs?: number | undefined
}

export interface NewHold extends HeldMedia {
  readonly kind: HoldKind
  readonly note?: string | undefined
  readonly createdTs: number
  /** The administrator; undefined: the server itself. */
  readonly createdBy?: string | undefined
  /** In ms since 1970; undefined: until it is lifted. */
  readonly expiresTs?: number | undefined
}

/** Whether a hold, as `h`, that names no single media is about media, as `m`. */
export const fits = sql`h.media_nid is null and (h.user_id is null or h.user_id = m.uploader)
  and (h.from_ts is null or m.created_ts >= h.from_ts) and (h.until_ts is null or m.created_ts < h.until_ts)
  and (h.room_nid is null or exists
    (select 1 from media_links as l where l.media_nid = m.media_nid and l.room_nid = h.room_nid))`

/** True for media, as `m`, that nothing keeps from being deleted: it is neither held nor in quarantine. */
export function notHeld(now: number): RawBuilder<boolean> {
  return sql<boolean>`${notInHold(now)} and not exists (select 1 from media_blobs as held
    inner join media_quarantines as hq on hq.sha256 = held.sha256 where held.blob_nid = m.blob_nid)`
}

/** True for media, as `m`, that no hold keeps from being deleted. */
export function notInHold(now: number): RawBuilder<boolean> {
  const active = sql`h.released_ts is null and (h.expires_ts is null or h.expires_ts > ${now})`
  return sql<boolean>`not exists (select 1 from media_holds as h where h.media_nid = m.media_nid and ${active})
    and not exists (select 1 from media_holds as h where ${fits} and ${active})`
}

/** Keeps media from being deleted until `expiresTs`, or until the hold is lifted; returns its number. */
export async function insertHold(tx: Tx, hold: NewHold): Promise<number> {
  const { nid } = await tx.qb
    .insertInto('media_holds')
    .values({
      kind: hold.kind,
      media_nid: hold.mediaNid ?? null,
      user_id: hold.userId ?? null,
      room_nid: hold.roomNid ?? null,
      from_ts: hold.fromTs ?? null,
      until_ts: hold.untilTs ?? null,
      note: hold.note ?? null,
      created_by: hold.createdBy ?? null,
      created_ts: hold.createdTs,
      expires_ts: hold.expiresTs ?? null,
    })
    .returning('hold_nid as nid')
    .executeTakeFirstOrThrow()
  return nid
}

/** Ends the holds of a kind on one piece of media. */
export async function releaseHolds(tx: Tx, mediaNid: number, kind: HoldKind, now: number): Promise<void> {
  await tx.qb
    .updateTable('media_holds')
    .set({ released_ts: now })
    .where('media_nid', '=', mediaNid)
    .where('kind', '=', kind)
    .where('released_ts', 'is', null)
    .execute()
}

export interface HoldRow {
  readonly hold_nid: number
  readonly kind: string
  readonly user_id: string | null
  readonly room_nid: number | null
  readonly from_ts: number | null
  readonly until_ts: number | null
  readonly note: string | null
  readonly created_by: string | null
  readonly created_ts: number
  readonly expires_ts: number | null
  readonly released_ts: number | null
  readonly released_by: string | null
  readonly media_nid: number | null
  /** Of the media, where the hold names one. */
  readonly origin: string | null
  readonly media_id: string | null
}

export interface HoldFilter {
  readonly kind?: HoldKind | undefined
  /** Only holds that hold now. */
  readonly active: boolean
  readonly now: number
}

/** Holds, the newest first. */
export async function listHolds(
  reader: Reader,
  { kind, active, now }: HoldFilter,
  { from, limit }: { from: number; limit: number },
): Promise<{ holds: HoldRow[]; total: number }> {
  let query = reader.qb.selectFrom('media_holds as h').leftJoin('media as m', 'm.media_nid', 'h.media_nid')
  if (kind !== undefined) query = query.where('h.kind', '=', kind)
  if (active) {
    query = query
      .where('h.released_ts', 'is', null)
      .where(({ or, eb }) => or([eb('h.expires_ts', 'is', null), eb('h.expires_ts', '>', now)]))
  }
  const { total } = await query.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
  const holds = await query
    .select(['h.hold_nid', 'h.kind', 'h.user_id', 'h.room_nid', 'h.from_ts', 'h.until_ts', 'h.note', 'h.media_nid'])
    .select([
      'h.created_by',
      'h.created_ts',
      'h.expires_ts',
      'h.released_ts',
      'h.released_by',
      'm.origin',
      'm.media_id',
    ])
    .orderBy('h.hold_nid', 'desc')
    .offset(from)
    .limit(limit)
    .execute()
  return { holds, total: Number(total) }
}

/** Ends one hold; returns what it was about, or undefined where there is no such hold, or no longer. */
export async function releaseHold(
  tx: Tx,
  holdNid: number,
  { by, now }: { by: string; now: number },
): Promise<(HeldMedia & { readonly kind: string }) | undefined> {
  const row = await tx.qb
    .updateTable('media_holds')
    .set({ released_ts: now, released_by: by })
    .where('hold_nid', '=', holdNid)
    .where('kind', '<>', 'quarantine' satisfies HoldKind)
    .where('released_ts', 'is', null)
    .returning(['kind', 'media_nid', 'user_id', 'room_nid'])
    .executeTakeFirst()
  return (
    row && {
      kind: row.kind,
      mediaNid: row.media_nid ?? undefined,
      userId: row.user_id ?? undefined,
      roomNid: row.room_nid ?? undefined,
    }
  )
}

/** Lets a hold on the same media, or the same person, last longer; false where there is none that holds now. */
export async function extendHold(
  tx: Tx,
  { kind, mediaNid, userId, expiresTs }: Pick<NewHold, 'kind' | 'mediaNid' | 'userId'> & { expiresTs: number },
  now: number,
): Promise<boolean> {
  const { numUpdatedRows } = await tx.qb
    .updateTable('media_holds')
    .set({ expires_ts: expiresTs })
    .where('kind', '=', kind)
    .where('media_nid', mediaNid === undefined ? 'is' : '=', mediaNid ?? null)
    .where('user_id', userId === undefined ? 'is' : '=', userId ?? null)
    .where('released_ts', 'is', null)
    .where('expires_ts', '>', now)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
