import type { Reader } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { DirectoryScope } from './network-rooms.ts'

export interface PublicRoomRow {
  readonly room_nid: number
  readonly state_nid: number | null
}

/** All rooms that are published in a directory, in no order. */
export async function listPublicRooms(reader: Reader, scope: DirectoryScope): Promise<PublicRoomRow[]> {
  return reader.qb
    .selectFrom('rooms as r')
    .select(['r.room_nid', 'r.state_nid'])
    .where((eb) => {
      if (scope === 'own') return eb('r.is_public', '=', 1)
      const published = eb.selectFrom('network_rooms as n').select('n.room_nid')
      if (scope === 'all') return eb.or([eb('r.is_public', '=', 1), eb('r.room_nid', 'in', published)])
      const { appserviceId, networkId } = scope
      const ofNetwork = published.where('n.appservice_id', '=', appserviceId).where('n.network_id', '=', networkId)
      return eb('r.room_nid', 'in', ofNetwork)
    })
    .execute()
}

const joined = prepare((qb, p: { roomNid: number }) =>
  qb
    .selectFrom('memberships')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .where('room_nid', '=', p.roomNid)
    .where('membership', '=', 'join'),
)

export async function countJoined(reader: Reader, roomNid: number): Promise<number> {
  return (await joined.first(reader, { roomNid }))?.n ?? 0
}
