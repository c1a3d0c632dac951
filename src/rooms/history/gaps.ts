import type { Reader } from '../../db/database.ts'
import { prevEventIds } from '../../matrix/event-references.ts'
import type { EventId } from '../../matrix/ids.ts'
import type { Room, StoredEvent } from '../types.ts'
import { listPlaced } from './store-history.ts'

/** Those of a stretch of events before which something is missing here. At most a few hundred events at once. */
export async function listGaps(
  reader: Reader,
  room: Pick<Room, 'nid'>,
  events: readonly StoredEvent[],
): Promise<EventId[]> {
  const near = new Set<string>(events.map(({ eventId }) => eventId))
  const far = new Set<string>()
  for (const { pdu } of events) for (const id of prevEventIds(pdu)) if (!near.has(id)) far.add(id)
  const placed = await listPlaced(reader, room.nid, [...far])
  const isMissing = (id: EventId) => far.has(id) && !placed.has(id)
  return events.filter(({ pdu }) => prevEventIds(pdu).some(isMissing)).map(({ eventId }) => eventId)
}
