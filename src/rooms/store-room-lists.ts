import type { Reader } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import { roomNameOf, roomTypeOf } from '../matrix/content.ts'
import type { Pdu } from '../matrix/event.ts'

/** A room in which a user is, was or may be. */
export interface UserRoomRow {
  readonly room_nid: number
  readonly room_id: string
  readonly membership: string
  /** Who brought the membership about. */
  readonly sender: string
  /** Stream position of the membership. */
  readonly stream_pos: number
  /** Stream position of the room's newest event. */
  readonly last_pos: number
  /** The room's current state. */
  readonly state_nid: number | null
}

const ofUser = prepare((qb, p: { userId: string }) =>
  qb
    .selectFrom('memberships as m')
    .innerJoin('rooms as r', 'r.room_nid', 'm.room_nid')
    .select(['m.room_nid', 'r.room_id', 'm.membership', 'm.sender', 'm.stream_pos', 'r.last_pos', 'r.state_nid'])
    .where('m.user_id', '=', p.userId)
    .where('m.forgotten', '=', 0),
)
const currentOfType = prepare((qb, p: { roomNid: number; type: string }) =>
  qb
    .selectFrom('current_state')
    .select(['state_key', 'event_nid'])
    .where('room_nid', '=', p.roomNid)
    .where('type', '=', p.type),
)

/** All rooms of a user that are not forgotten, whatever the membership. */
export const listUserRooms = (reader: Reader, userId: string): Promise<UserRoomRow[]> => ofUser.all(reader, { userId })

/** The entries of one type in a room's current state. */
export const listCurrentOfType = (
  reader: Reader,
  roomNid: number,
  type: string,
): Promise<{ state_key: string; event_nid: number }[]> => currentOfType.all(reader, { roomNid, type })

/** What lists of rooms are filtered by. */
export interface RoomFacts {
  readonly isEncrypted: boolean
  readonly type: string | undefined
  readonly name: string | undefined
}

const factTypes = ['m.room.create', 'm.room.encryption', 'm.room.name']
const page = 500

/** What the current state of each of these rooms says. */
export async function listRoomFacts(reader: Reader, roomNids: readonly number[]): Promise<Map<number, RoomFacts>> {
  const facts = new Map<number, RoomFacts>()
  for (let i = 0; i < roomNids.length; i += page) {
    const nids = roomNids.slice(i, i + page)
    const rows = await reader.qb
      .selectFrom('current_state as s')
      .innerJoin('events as e', 'e.event_nid', 's.event_nid')
      .select(['s.room_nid', 's.type', 'e.json'])
      .where('s.room_nid', 'in', nids)
      .where('s.type', 'in', factTypes)
      .where('s.state_key', '=', '')
      .execute()
    const byRoom = Map.groupBy(rows, (row) => row.room_nid)
    for (const nid of nids) {
      const found = byRoom.get(nid) ?? []
      const read = (type: string) => {
        const row = found.find((candidate) => candidate.type === type)
        return row === undefined ? undefined : (JSON.parse(row.json) as Pdu)
      }
      facts.set(nid, {
        isEncrypted: read('m.room.encryption') !== undefined,
        type: roomTypeOf(read('m.room.create')),
        name: roomNameOf(read('m.room.name')),
      })
    }
  }
  return facts
}
