import { sql } from 'kysely'
import type { Reader } from '../db/database.ts'
import { type DoomedRows, rowsOf } from '../db/delete-pages.ts'
import { prepare } from '../db/prepare.ts'

const behind = prepare((qb, p: { roomNid: number; pos: number; limit: number }) =>
  qb
    .selectFrom('push_members')
    .select('user_id')
    .where('room_nid', '=', p.roomNid)
    .where('floor_pos', '<', p.pos)
    .limit(p.limit),
)

/** Users in a room who have not read everything up to a position. */
export async function listBehind(reader: Reader, roomNid: number, pos: number, limit: number): Promise<string[]> {
  return (await behind.all(reader, { roomNid, pos, limit })).map((row) => row.user_id)
}

/** Users of ours who are in a room, or were. */
export async function listCounted(reader: Reader, roomNid: number): Promise<string[]> {
  const rows = await reader.qb
    .selectFrom('memberships')
    .select('user_id')
    .where('room_nid', '=', roomNid)
    .where('is_local', '=', 1)
    .execute()
  return rows.map((row) => row.user_id)
}

const isGone = (table: string) =>
  sql`not exists (select 1 from events where events.event_nid = ${sql.ref(`${table}.event_nid`)} and stream_pos is not null)`

/** What highlighted for a user in a room: all, or what stood before a position and is gone. */
export function highlightsOf(userId: string, roomNid: number, before: number | undefined): DoomedRows {
  const mine = sql`user_id = ${userId} and room_nid = ${roomNid}`
  const where = before === undefined ? mine : sql`${mine} and pos < ${before} and ${isGone('push_highlights')}`
  return rowsOf('push_highlights', ['user_id', 'pos'], where)
}

/** What was counted before a position up to which everybody has read. Of each series the last total stays, from which it goes on. */
export function rowsBefore(roomNid: number, before: number): DoomedRows[] {
  const old = sql`room_nid = ${roomNid} and pos < ${before}`
  const isOvertaken = sql`exists (select 1 from push_totals as later
    where later.room_nid = push_totals.room_nid and later.class_nid = push_totals.class_nid
      and later.series = push_totals.series and later.pos > push_totals.pos and later.pos < ${before})`
  return [
    rowsOf(
      'push_class_highlights',
      ['room_nid', 'class_nid', 'pos'],
      sql`${old} and ${isGone('push_class_highlights')}`,
    ),
    rowsOf('push_redactions', ['room_nid', 'pos', 'class_nid'], old),
    rowsOf('push_totals', ['room_nid', 'class_nid', 'series', 'pos'], sql`${old} and ${isOvertaken}`),
    rowsOf('push_threads', ['room_nid', 'thread_id'], sql`room_nid = ${roomNid} and last_pos < ${before}`),
  ]
}

export function rowsOfRoom(roomNid: number): DoomedRows[] {
  const where = sql`room_nid = ${roomNid}`
  return [
    rowsOf('push_class_highlights', ['room_nid', 'class_nid', 'pos'], where),
    rowsOf('push_redactions', ['room_nid', 'pos', 'class_nid'], where),
    rowsOf('push_totals', ['room_nid', 'class_nid', 'series', 'pos'], where),
    rowsOf('push_threads', ['room_nid', 'thread_id'], where),
    rowsOf('push_reads', ['room_nid', 'user_id', 'thread_id'], where),
    rowsOf('push_exceptions', ['room_nid', 'user_id', 'pos'], where),
    rowsOf('push_members', ['room_nid', 'user_id'], where),
    rowsOf('push_room_classes', ['room_nid', 'is_used', 'class_nid'], where),
  ]
}
