import { isJsonObject } from '../../matrix/auth-state.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { IdentifiedPdu, Json, Pdu } from '../../matrix/event.ts'
import { checkPduFormat } from '../../matrix/event-format.ts'
import { eventIdOf, roomIdOf } from '../../matrix/event-hash.ts'
import { authEventIds, prevEventIds } from '../../matrix/event-references.ts'
import { maxFieldLength } from '../../matrix/event-size.ts'
import type { EventId, RoomId } from '../../matrix/ids.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'

export type ReadPdu =
  | { readonly ok: true; readonly event: IdentifiedPdu }
  | { readonly ok: false; readonly event: IdentifiedPdu | undefined; readonly reason: string }

/** An event of a room as another server gave it: its form and its id, not yet its signatures. `unsigned` is nobody's word and left out. */
export function readPdu(json: Json | undefined, rules: RoomVersionRules, roomId: RoomId): ReadPdu {
  const format = checkPduFormat(json, rules)
  if (!format.valid) return { ok: false, event: undefined, reason: format.reason }
  const { unsigned: _unsigned, ...pdu } = format.pdu
  const event = { eventId: eventIdOf(pdu, rules), pdu }
  const reason = findFault(event, rules, roomId)
  return reason === undefined ? { ok: true, event } : { ok: false, event, reason }
}

/** What the sender calls an event that has not the form of one; undefined where that cannot be told. */
export function malformedIdOf(json: Json | undefined, rules: RoomVersionRules): EventId | undefined {
  if (!isJsonObject(json) || typeof json.type !== 'string' || !isJsonObject(json.content)) return undefined
  if (rules.eventIdFormat === 'v1') {
    const { event_id: id } = json
    return typeof id === 'string' && id.startsWith('$') ? (id as EventId) : undefined
  }
  try {
    // The parts that are looked at are what the type says.
    return eventIdOf(json as unknown as Pdu, rules)
  } catch (error) {
    if (error instanceof MatrixError) return undefined
    throw error
  }
}

function findFault(event: IdentifiedPdu, rules: RoomVersionRules, roomId: RoomId): string | undefined {
  const { pdu } = event
  if (roomIdOf(event) !== roomId) return 'the event is of another room'
  if (namesOf(event).some((name) => name.includes('\0') || !name.isWellFormed())) {
    return 'a name has characters that cannot be stored'
  }
  if (pdu.type === 'm.room.create' && pdu.state_key !== '') return 'a create event has an empty state key'
  const references = [...prevEventIds(pdu), ...authEventIds(pdu), event.eventId]
  if (references.some((id) => id.length > maxFieldLength)) return 'an event id is too long'
  return rules.eventIdFormat === 'v1' && !event.eventId.includes(':') ? 'the event id has no server name' : undefined
}

/** Since version 3 `event_id` is a key without meaning, which may have any value. */
function namesOf({ eventId, pdu }: IdentifiedPdu): string[] {
  return [pdu.type, pdu.state_key ?? '', eventId, ...prevEventIds(pdu), ...authEventIds(pdu)]
}
