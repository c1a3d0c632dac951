import type { Reader } from '../../db/database.ts'

export interface RoomCounts {
  readonly roomNid: number
  readonly version: string
  readonly joined: number
  readonly joinedLocal: number
  readonly stateEvents: number
}

function counting(reader: Reader) {
  return reader.qb.selectFrom('rooms as r').select((eb) => {
    const joined = eb
      .selectFrom('memberships as m')
      .whereRef('m.room_nid', '=', 'r.room_nid')
      .where('m.membership', '=', 'join')
    return [
      'r.room_nid as roomNid',
      'r.version',
      joined
        .select((m) => m.fn.countAll<number>().as('n'))
        .$asScalar()
        .$notNull()
        .as('joined'),
      joined
        .where('m.is_local', '=', 1)
        .select((m) => m.fn.countAll<number>().as('n'))
        .$asScalar()
        .$notNull()
        .as('joinedLocal'),
      eb
        .selectFrom('current_state as c')
        .whereRef('c.room_nid', '=', 'r.room_nid')
        .select((c) => c.fn.countAll<number>().as('n'))
        .$asScalar()
        .$notNull()
        .as('stateEvents'),
    ]
  })
}

/** Rooms with what can be counted, in the order in which they came to this server, after a number of ours. */
export function listRoomCounts(reader: Reader, after: number, limit: number): Promise<RoomCounts[]> {
  return counting(reader).where('r.room_nid', '>', after).orderBy('r.room_nid').limit(limit).execute()
}

export function countRoom(reader: Reader, roomNid: number): Promise<RoomCounts> {
  return counting(reader).where('r.room_nid', '=', roomNid).executeTakeFirstOrThrow()
}
