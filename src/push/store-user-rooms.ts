import { sql } from 'kysely'
import type { Reader } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

/** The rooms in which a user is counted for, with their ids. */
export function listRoomsOf(reader: Reader, userId: string) {
  return reader.qb
    .selectFrom('push_members')
    .innerJoin('rooms', 'rooms.room_nid', 'push_members.room_nid')
    .select(['push_members.room_nid', 'push_members.class_nid', 'rooms.room_id'])
    .where('user_id', '=', userId)
    .execute()
}

const roomHeads = prepare((qb, p: { userId: string; after: number }) =>
  qb
    .selectFrom('push_members as m')
    .innerJoin('rooms as r', 'r.room_nid', 'm.room_nid')
    .select(['r.room_nid', 'r.last_pos'])
    .where('m.user_id', '=', p.userId)
    .where('r.last_pos', '>', p.after),
)

/** The rooms of a user with events after a position, each with the position of its newest. */
export async function listRoomHeads(reader: Reader, userId: string, after: number) {
  const rows = await roomHeads.all(reader, { userId, after })
  return rows.map((row) => ({ roomNid: row.room_nid, lastPos: row.last_pos }))
}

const latest = (classNid: 'm.class_nid' | 0) => sql`coalesce((
  select notifications from push_totals
  where room_nid = m.room_nid and class_nid = ${classNid === 0 ? sql`0` : sql.ref(classNid)} and series = ''
  order by pos desc limit 1), 0)`
const unreadRooms = prepare((qb, p: { userId: string }) =>
  qb
    .selectFrom('push_members as m')
    .select('m.room_nid')
    .where('m.user_id', '=', p.userId)
    .where(
      sql<boolean>`${latest(0)} + case m.class_nid when 0 then 0 else ${latest('m.class_nid')} end
        <> m.room_notifications`,
    ),
)

/** The rooms in which a user has not read something, by the totals: redacted events are still among it. */
export async function listUnreadRooms(reader: Reader, userId: string): Promise<number[]> {
  return (await unreadRooms.all(reader, { userId })).map((row) => row.room_nid)
}
