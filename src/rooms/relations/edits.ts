/** Which events replace which: https://spec.matrix.org/v1.19/client-server-api/#validity-of-replacement-events */
import { objectOf } from '../../matrix/content.ts'
import type { IdentifiedPdu, Pdu } from '../../matrix/event.ts'

/** Whether an event of the same room that names `original` in an `m.replace` may replace it. */
export function isValidEdit(original: Pdu, edit: Pdu): boolean {
  if (edit.sender !== original.sender || edit.type !== original.type) return false
  if (edit.state_key !== undefined || original.state_key !== undefined) return false
  if (objectOf(original, 'm.relates_to')?.rel_type === 'm.replace') return false
  // What stands inside an encrypted event is for its readers to check.
  return edit.type === 'm.room.encrypted' || objectOf(edit, 'm.new_content') !== undefined
}

/** Sorts the event that counts as most recent first: by time, and by id where that is the same. */
export function byRecency(a: IdentifiedPdu, b: IdentifiedPdu): number {
  const later = b.pdu.origin_server_ts - a.pdu.origin_server_ts
  if (later !== 0) return later
  return a.eventId < b.eventId ? 1 : -1
}
