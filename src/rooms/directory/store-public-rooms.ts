import type { Reader } from '../../db/database.ts'
import type { DirectoryScope } from './network-rooms.ts'

export interface PublicRoomRow {
  readonly room_nid: number
  readonly joined: number
}

/** All rooms that are published in a directory, with their number of members, the largest first. */
export async function listPublicRooms(reader: Reader, scope: DirectoryScope): Promise<PublicRoomRow[]> {
  return reader.qb
    .selectFrom('rooms as r')
    .leftJoin('memberships as m', (join) => join.onRef('m.room_nid', '=', 'r.room_nid').on('m.membership', '=', 'join'))
    .select((eb) => ['r.room_nid', eb.fn.count<number>('m.user_id').as('joined')])
    .where((eb) => {
      if (scope === 'own') return eb('r.is_public', '=', 1)
      const published = eb.selectFrom('network_rooms as n').select('n.room_nid')
      if (scope === 'all') return eb.or([eb('r.is_public', '=', 1), eb('r.room_nid', 'in', published)])
      const { appserviceId, networkId } = scope
      const ofNetwork = published.where('n.appservice_id', '=', appserviceId).where('n.network_id', '=', networkId)
      return eb('r.room_nid', 'in', ofNetwork)
    })
    .groupBy('r.room_nid')
    .orderBy('joined', 'desc')
    .orderBy('r.room_nid')
    .execute()
}
