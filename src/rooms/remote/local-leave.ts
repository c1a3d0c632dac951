import type { EventReference, IdentifiedPdu, JsonObject, Pdu } from '../../matrix/event.ts'
import { hashAndSign } from '../../matrix/event-hash.ts'
import type { EventId, RoomId, ServerName, UserId } from '../../matrix/ids.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import type { SigningKey } from '../../matrix/signing.ts'

interface Ending {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly rules: RoomVersionRules
  /** The invitation or the knock. */
  readonly last: IdentifiedPdu
  readonly content: JsonObject
  readonly originServerTs: number
  /** For room versions 1 and 2. */
  readonly newEventId: EventId
}

/** The end of an invitation or a knock that no other server is told of: only the user's own clients get it. */
export function makeLocalLeave(ending: Ending, server: ServerName, key: SigningKey): IdentifiedPdu {
  const { roomId, userId, rules, last, content } = ending
  const reference: EventReference =
    rules.eventIdFormat === 'v1' ? [last.eventId, { sha256: last.pdu.hashes?.sha256 ?? '' }] : last.eventId
  const pdu: Pdu = {
    ...(rules.eventIdFormat === 'v1' ? { event_id: ending.newEventId } : {}),
    type: 'm.room.member',
    room_id: roomId,
    sender: userId,
    state_key: userId,
    content: { ...content, membership: 'leave' },
    origin_server_ts: ending.originServerTs,
    depth: Math.min(last.pdu.depth + 1, Number.MAX_SAFE_INTEGER),
    prev_events: [reference],
    auth_events: [reference],
  }
  return hashAndSign(pdu, rules, server, key)
}
