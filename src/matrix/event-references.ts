import type { EventReference, Pdu } from './event.ts'
import type { EventId } from './ids.ts'

/** The ids in a list of references, whichever way the room version writes them. */
export function referenceIds(references: readonly EventReference[]): EventId[] {
  return references.map((reference) => (typeof reference === 'string' ? reference : reference[0]))
}

export function authEventIds(pdu: Pdu): EventId[] {
  return referenceIds(pdu.auth_events)
}

export function prevEventIds(pdu: Pdu): EventId[] {
  return referenceIds(pdu.prev_events)
}

/** The create event that a version 12 room id stands for. */
export function createEventIdOf(roomId: string): EventId {
  // Such a room id is the event id with another sigil.
  return `$${roomId.slice(1)}` as EventId
}
