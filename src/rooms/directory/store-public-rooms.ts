import type { Reader } from '../../db/database.ts'

export interface PublicRoomRow {
  readonly room_nid: number
  readonly joined: number
}

/** All published rooms with their number of members, the largest first. */
export async function listPublicRooms(reader: Reader): Promise<PublicRoomRow[]> {
  return reader.qb
    .selectFrom('rooms as r')
    .leftJoin('memberships as m', (join) => join.onRef('m.room_nid', '=', 'r.room_nid').on('m.membership', '=', 'join'))
    .select((eb) => ['r.room_nid', eb.fn.count<number>('m.user_id').as('joined')])
    .where('r.is_public', '=', 1)
    .groupBy('r.room_nid')
    .orderBy('joined', 'desc')
    .orderBy('r.room_nid')
    .execute()
}
