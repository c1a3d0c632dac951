import { sql } from 'kysely'
import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

const byDigest = prepare((qb, p: { digest: string }) =>
  qb.selectFrom('push_classes').select('class_nid').where('digest', '=', p.digest),
)
const insertClassRow = prepare((qb, p: { digest: string; rules: string }) =>
  qb.insertInto('push_classes').values({ digest: p.digest, rules: p.rules }).returning('class_nid'),
)
const ofRoom = prepare((qb, p: { roomNid: number }) =>
  qb
    .selectFrom('push_room_classes as r')
    .innerJoin('push_classes as c', 'c.class_nid', 'r.class_nid')
    .select(['c.class_nid', 'c.rules'])
    .where('r.room_nid', '=', p.roomNid)
    .where('r.is_used', '=', 1),
)
const insertRoomRow = prepare((qb, p: { roomNid: number; classNid: number }) =>
  qb
    .insertInto('push_room_classes')
    .values({ room_nid: p.roomNid, is_used: 1, class_nid: p.classNid })
    .onConflict((c) => c.doNothing()),
)
const membersOf = prepare((qb, p: { roomNid: number; classNid: number }) =>
  qb
    .selectFrom('push_members')
    .select('user_id')
    .where('room_nid', '=', p.roomNid)
    .where('class_nid', '=', p.classNid)
    .where(sql<boolean>`class_nid <> 0`),
)
const joined = prepare((qb, p: { roomNid: number; limit: number }) =>
  qb
    .selectFrom('memberships')
    .select('user_id')
    .where('room_nid', '=', p.roomNid)
    .where('membership', '=', 'join')
    .limit(p.limit),
)

/** The number of the class with this text, made when it is new. */
export async function requireClassNid(tx: Tx, digest: string, rules: string): Promise<number> {
  const known = await byDigest.first(tx, { digest })
  const row = known ?? (await insertClassRow.first(tx, { digest, rules }))
  if (row === undefined) throw new Error('the class of push rules was not inserted')
  return row.class_nid
}

/** Classes other than 0 that members of a room have. */
export function listRoomClasses(reader: Reader, roomNid: number): Promise<{ class_nid: number; rules: string }[]> {
  return ofRoom.all(reader, { roomNid })
}

export async function insertRoomClass(tx: Tx, roomNid: number, classNid: number): Promise<void> {
  await insertRoomRow.run(tx, { roomNid, classNid })
}

/** Judges by a class no longer in those rooms where nobody has it any more. */
export async function retireRoomClass(tx: Tx, roomNids: readonly number[], classNid: number): Promise<void> {
  const unused = sql`class_nid = ${classNid} and is_used = 1 and room_nid in (${sql.join(roomNids)})
    and not exists (
      select 1 from push_members m
      where m.room_nid = push_room_classes.room_nid and m.class_nid = ${classNid} and m.class_nid <> 0
    )`
  await sql`
    insert into push_room_classes (room_nid, is_used, class_nid)
    select room_nid, 0, class_nid from push_room_classes where ${unused}
    on conflict do nothing`.execute(tx.qb)
  await sql`delete from push_room_classes where ${unused}`.execute(tx.qb)
}

/** Users of a class other than 0 in a room. */
export async function listClassMembers(reader: Reader, roomNid: number, classNid: number): Promise<string[]> {
  return (await membersOf.all(reader, { roomNid, classNid })).map((row) => row.user_id)
}

/** How many are joined to a room, counted up to `limit`. */
export async function countJoined(reader: Reader, roomNid: number, limit: number): Promise<number> {
  return (await joined.all(reader, { roomNid, limit })).length
}

/** The newest difference between a class's totals and those of the default rules. */
const newest = (column: 'notifications' | 'highlights', classNid: number, part: 'all' | 'main') => {
  if (classNid === 0) return sql`0`
  const value = part === 'all' ? sql.ref(column) : sql`${sql.ref(column)} - ${sql.ref(`thread_${column}`)}`
  return sql`coalesce((
    select ${value} from push_totals t
    where t.room_nid = push_members.room_nid and t.class_nid = ${classNid} and t.series = ''
    order by t.pos desc limit 1), 0)`
}

const maxHistory = 1000

/**
 * Moves a user from one class to another in these rooms (at most a few hundred at once): what is unread stays, and
 * events after `pos` are counted by the new class.
 */
export async function moveToClass(
  tx: Tx,
  move: { userId: string; from: number; to: number; pos: number; roomNids: readonly number[] },
): Promise<void> {
  const { userId, from, to, pos, roomNids } = move
  const entry = `[${from},${pos}]`
  const gained = (column: 'notifications' | 'highlights', part: 'all' | 'main') =>
    sql`${newest(column, to, part)} - ${newest(column, from, part)}`
  await sql`
    update push_members set
      class_nid = ${to},
      past_classes = case when past_classes = '[]' or length(past_classes) > ${maxHistory} then ${`[${entry}]`}
        else substr(past_classes, 1, length(past_classes) - 1) || ${`,${entry}]`} end,
      room_notifications = room_notifications + ${gained('notifications', 'all')},
      room_highlights = room_highlights + ${gained('highlights', 'all')},
      main_notifications = main_notifications + ${gained('notifications', 'main')},
      main_highlights = main_highlights + ${gained('highlights', 'main')}
    where user_id = ${userId} and class_nid = ${from} and room_nid in (${sql.join(roomNids)})`.execute(tx.qb)
}
