import type { Pdu } from './event.ts'
import { encodeEvent } from './event-signing.ts'
import type { RoomVersionRules } from './room-versions.ts'

/** The most bytes that an event may have as canonical JSON with its signatures. */
export const maxEventBytes = 65_536
/** The longest that `sender`, `room_id`, `state_key`, `type` and `event_id` may be. */
export const maxFieldLength = 255

export type SizeVerdict = { readonly fits: true } | { readonly fits: false; readonly reason: string }

const limitedFields = ['room_id', 'sender', 'state_key', 'type'] as const
/** Since version 3 the id is a hash, and what stands under its name means nothing. */
const limitedFieldsWithId = [...limitedFields, 'event_id'] as const

/**
 * Whether an event keeps the limits: https://spec.matrix.org/v1.19/client-server-api/#size-limits.
 * Throws `M_BAD_JSON` where the room version enforces canonical JSON and the event is not.
 */
export function checkEventSize(pdu: Pdu, rules: RoomVersionRules): SizeVerdict {
  for (const field of rules.eventIdFormat === 'v1' ? limitedFieldsWithId : limitedFields) {
    if (isTooLong(pdu[field], rules)) return { fits: false, reason: `${field} is longer than ${maxFieldLength}` }
  }
  const bytes = Buffer.byteLength(encodeEvent(pdu, rules))
  if (bytes > maxEventBytes) return { fits: false, reason: `the event has ${bytes} bytes, over ${maxEventBytes}` }
  return { fits: true }
}

/** Rooms before version 11 have members and events with 255 code points, which most servers once took for the limit. */
function isTooLong(text: unknown, rules: RoomVersionRules): boolean {
  // A UTF-16 unit takes at most three bytes, so that short strings need no counting.
  if (typeof text !== 'string' || text.length * 3 <= maxFieldLength) return false
  const inBytes = Number(rules.version) >= 11
  return (inBytes ? Buffer.byteLength(text) : [...text].length) > maxFieldLength
}
