import type { Reader } from '../db/database.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { MembershipRow } from '../rooms/reads.ts'
import type { Room, StoredEvent } from '../rooms/types.ts'
import type { SyncPorts } from './ports.ts'

const strippedTypes = [
  'm.room.create',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.encryption',
]

/** The few facts of a room that somebody who was invited or knocked may know: https://spec.matrix.org/v1.19/client-server-api/#stripped-state */
export async function strippedState(
  { reads }: Pick<SyncPorts, 'reads'>,
  reader: Reader,
  room: Room,
  row: MembershipRow,
): Promise<JsonObject[]> {
  const events: (StoredEvent | undefined)[] = []
  if (row.stripped_state === null) {
    for (const type of strippedTypes) events.push(await reads.view.entry(reader, room.stateNid, type, ''))
    events.push(await reads.view.entry(reader, room.stateNid, 'm.room.member', row.sender))
  }
  const own = (await reads.events(reader, [row.event_nid])).get(row.event_nid)
  const known = [...events, own].filter((event) => event !== undefined)
  const remote = row.stripped_state === null ? [] : (JSON.parse(row.stripped_state) as JsonObject[])
  const unique = new Map(known.map((event) => [event.nid, event]))
  return [...remote, ...[...unique.values()].map(strip)]
}

/** An event as those may see it who are not in the room. */
export function strip({ pdu }: StoredEvent): JsonObject {
  return {
    type: pdu.type,
    state_key: pdu.state_key ?? '',
    content: pdu.content,
    sender: pdu.sender,
    ...(pdu.type === 'm.room.create' ? { origin_server_ts: pdu.origin_server_ts } : {}),
  }
}
