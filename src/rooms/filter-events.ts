import type { Reader } from '../db/database.ts'
import { matchesFilter, type RoomEventFilter } from '../matrix/event-filter.ts'
import { listParents } from './store-relations.ts'
import type { StoredEvent } from './types.ts'

/** Those of the events that a filter lets through, in the same order: by what they say, and by what relates to them. */
export async function filterEvents(
  reader: Reader,
  filter: RoomEventFilter | undefined,
  events: readonly StoredEvent[],
): Promise<StoredEvent[]> {
  const matching = events.filter(({ pdu }) => matchesFilter(filter, pdu))
  const { related_by_rel_types: relTypes, related_by_senders: senders } = filter ?? {}
  if (relTypes === undefined && senders === undefined) return matching
  const ids = matching.map(({ eventId }) => eventId)
  const parents = await listParents(reader, ids, { relTypes, senders })
  return matching.filter(({ eventId }) => parents.has(eventId))
}
