import type { Reader } from '../../db/database.ts'

/** The rooms where the user is joined, invited or knocking: those that can be left. */
export async function listOpenRoomIds(reader: Reader, userId: string): Promise<string[]> {
  const rows = await reader.qb
    .selectFrom('memberships as m')
    .innerJoin('rooms as r', 'r.room_nid', 'm.room_nid')
    .select('r.room_id')
    .where('m.user_id', '=', userId)
    .where('m.membership', 'in', ['join', 'invite', 'knock'])
    .execute()
  return rows.map((row) => row.room_id)
}
