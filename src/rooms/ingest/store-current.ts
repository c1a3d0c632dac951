import type { Reader } from '../../db/database.ts'
import type { StateEntry } from '../types.ts'

/** The entries of a room's current state, by `type NUL state key`. */
export async function listCurrentEntries(
  reader: Reader,
  roomNid: number,
): Promise<Map<string, StateEntry & { readonly eventNid: number }>> {
  const rows = await reader.qb
    .selectFrom('current_state')
    .select(['type', 'state_key', 'event_nid'])
    .where('room_nid', '=', roomNid)
    .execute()
  return new Map(
    rows.map((row) => [
      `${row.type}\0${row.state_key}`,
      { type: row.type, stateKey: row.state_key, eventNid: row.event_nid },
    ]),
  )
}
