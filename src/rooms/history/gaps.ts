import type { Reader } from '../../db/database.ts'
import { prevEventIds } from '../../matrix/event-references.ts'
import type { EventId } from '../../matrix/ids.ts'
import { LruMap } from '../../util/lru.ts'
import type { Room, StoredEvent } from '../types.ts'
import { getPosition, listPlaced } from './store-history.ts'

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

/**
 * Whether what comes before an event reached this server later than the event, or not at all: a live timeline breaks off
 * there. What is fetched afterwards has positions below zero, so that the answer never changes.
 */
export type IsAfterGap = (reader: Reader, event: StoredEvent) => Promise<boolean>

export function createGapMemory(capacity = 20_000): IsAfterGap {
  const known = new LruMap<number, boolean>(capacity)
  return async (reader, event) => {
    if ((event.streamPos ?? 0) <= 0) return false
    let isAfterGap = known.get(event.nid)
    if (isAfterGap !== undefined) return isAfterGap
    isAfterGap = false
    for (const id of prevEventIds(event.pdu)) {
      const position = await getPosition(reader, id)
      if (position === undefined || (position !== 'refused' && position < 0)) isAfterGap = true
    }
    known.set(event.nid, isAfterGap)
    return isAfterGap
  }
}
