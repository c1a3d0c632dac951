import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { StickySchema } from '../../db/schema/sticky.ts'

export type StickyRow = Selectable<StickySchema['sticky_events']>

interface Range {
  /** Stream positions: after this one, up to and including the other. */
  readonly after: number
  readonly upTo: number
  readonly now: number
  readonly limit: number
}

const inRoom = prepare((qb, p: Range & { roomNid: number }) =>
  qb
    .selectFrom('sticky_events')
    .select('event_nid')
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', '>', p.after)
    .where('stream_pos', '<=', p.upTo)
    .where('expires_ts', '>', p.now)
    .orderBy('stream_pos', 'desc')
    .limit(p.limit),
)
const ofUser = prepare((qb, p: Range & { userId: string }) =>
  qb
    .selectFrom('sticky_events as s')
    .innerJoin('memberships as m', (join) => join.onRef('m.room_nid', '=', 's.room_nid').on('m.user_id', '=', p.userId))
    .select(['s.event_nid', 's.room_nid', 's.stream_pos'])
    .where('m.membership', '=', 'join')
    .where('s.stream_pos', '>', p.after)
    .where('s.stream_pos', '<=', p.upTo)
    .where('s.expires_ts', '>', p.now)
    .orderBy('s.stream_pos')
    .orderBy('s.event_nid')
    .limit(p.limit),
)
const ownInRoom = prepare((qb, p: { roomNid: number; now: number; limit: number }) =>
  qb
    .selectFrom('sticky_events')
    .select('event_nid')
    .where('room_nid', '=', p.roomNid)
    .where('is_local', '=', 1)
    .where('stream_pos', 'is not', null)
    .where('expires_ts', '>', p.now)
    .orderBy('stream_pos')
    .limit(p.limit),
)
const hiddenInRoom = prepare((qb, p: { roomNid: number; now: number; limit: number }) =>
  qb
    .selectFrom('sticky_events')
    .select('event_nid')
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', 'is', null)
    .where('expires_ts', '>', p.now)
    .orderBy('event_nid')
    .limit(p.limit),
)
const newestOfSender = prepare((qb, p: { roomNid: number; sender: string; limit: number; offset: number }) =>
  qb
    .selectFrom('sticky_events')
    .select('event_nid')
    .where('room_nid', '=', p.roomNid)
    .where('sender', '=', p.sender)
    .orderBy('event_nid', 'desc')
    .limit(p.limit)
    .offset(p.offset),
)

/** The newest of a room that clients can know of, oldest first. */
export async function listSticky(reader: Reader, range: Range & { roomNid: number }): Promise<number[]> {
  return (await inRoom.all(reader, range)).map((row) => row.event_nid).reverse()
}

/** Those in all rooms that a user is in, oldest first. */
export const listStickyOfUser = (reader: Reader, range: Range & { userId: string }) => ofUser.all(reader, range)

/** What users of this server sent to a room. */
export async function listOwnSticky(reader: Reader, roomNid: number, now: number, limit: number): Promise<number[]> {
  return (await ownInRoom.all(reader, { roomNid, now, limit })).map((row) => row.event_nid)
}

/** Those of a room that its state did not allow. */
export async function listHiddenSticky(reader: Reader, roomNid: number, now: number, limit: number): Promise<number[]> {
  return (await hiddenInRoom.all(reader, { roomNid, now, limit })).map((row) => row.event_nid)
}

const byNid = prepare((qb, p: { nid: number; now: number }) =>
  qb
    .selectFrom('sticky_events')
    .select('event_nid')
    .where('event_nid', '=', p.nid)
    .where('stream_pos', 'is not', null)
    .where('expires_ts', '>', p.now),
)

/** Whether clients can know of a sticky event that has not expired. */
export async function isStickyNow(reader: Reader, nid: number, now: number): Promise<boolean> {
  return (await byNid.first(reader, { nid, now })) !== undefined
}

/** Until when events are sticky, by their numbers; without those that are no more. */
export async function listExpiries(reader: Reader, nids: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const rows = await reader.qb
    .selectFrom('sticky_events')
    .select(['event_nid', 'expires_ts'])
    .where('event_nid', 'in', nids)
    .execute()
  return new Map(rows.map((row) => [row.event_nid, row.expires_ts]))
}

export async function insertSticky(tx: Tx, row: StickyRow): Promise<void> {
  await tx.qb
    .insertInto('sticky_events')
    .values(row)
    .onConflict((c) => c.doNothing())
    .execute()
}

/** Forgets of somebody's in a room what is beyond the newest `count`. */
export async function keepNewestSticky(tx: Tx, roomNid: number, sender: string, count: number): Promise<void> {
  const old = await newestOfSender.all(tx, { roomNid, sender, limit: count, offset: count })
  if (old.length === 0) return
  await tx.qb
    .deleteFrom('sticky_events')
    .where(
      'event_nid',
      'in',
      old.map((row) => row.event_nid),
    )
    .execute()
}

export async function deleteSticky(tx: Tx, nids: readonly number[]): Promise<void> {
  await tx.qb.deleteFrom('sticky_events').where('event_nid', 'in', nids).execute()
}

export async function deleteExpiredSticky(tx: Tx, now: number): Promise<void> {
  await tx.qb.deleteFrom('sticky_events').where('expires_ts', '<=', now).execute()
}

/** Clients can know of it from a position on. */
export async function showSticky(tx: Tx, nid: number, streamPos: number): Promise<void> {
  await tx.qb.updateTable('sticky_events').set({ stream_pos: streamPos }).where('event_nid', '=', nid).execute()
}

/** Notes until when there is something sticky in a room. */
export async function updateStickyUntil(tx: Tx, roomNid: number, until: number): Promise<void> {
  await tx.qb.updateTable('rooms').set({ sticky_until: until }).where('room_nid', '=', roomNid).execute()
}
