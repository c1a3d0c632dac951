import type { Reader } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { Pdu } from '../matrix/event.ts'

const stateEvent = prepare((qb, p: { roomId: string; type: string }) =>
  qb
    .selectFrom('rooms')
    .innerJoin('current_state', 'current_state.room_nid', 'rooms.room_nid')
    .innerJoin('events', 'events.event_nid', 'current_state.event_nid')
    .select(['rooms.room_nid', 'events.json'])
    .where('rooms.room_id', '=', p.roomId)
    .where('current_state.type', '=', p.type)
    .where('current_state.state_key', '=', ''),
)

/** A state event of a room known by its id, if we have that room. */
export async function getStateOf(
  reader: Reader,
  roomId: string,
  type: string,
): Promise<{ roomNid: number; pdu: Pdu } | undefined> {
  const row = await stateEvent.first(reader, { roomId, type })
  return row && { roomNid: row.room_nid, pdu: JSON.parse(row.json) as Pdu }
}
