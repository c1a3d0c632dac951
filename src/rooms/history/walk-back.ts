import type { Reader } from '../../db/database.ts'
import { prevEventIds } from '../../matrix/event-references.ts'
import type { EventId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import { MinHeap } from '../../util/min-heap.ts'
import { getEventById } from '../store-events.ts'
import type { Room, StoredEvent } from '../types.ts'

export interface Walk {
  readonly from: readonly EventId[]
  /** At most so many events. */
  readonly limit: number
  /** The walk neither shows these nor goes beyond them. */
  readonly stopAt?: ReadonlySet<EventId>
  /** Nothing of a lesser depth. */
  readonly minDepth?: number
}

const isLater = (a: StoredEvent, b: StoredEvent) =>
  a.pdu.depth === b.pdu.depth ? (a.streamPos ?? 0) > (b.streamPos ?? 0) : a.pdu.depth > b.pdu.depth

/**
 * Events of a room and what came before them, the deepest first, each once. What was rejected, and what we know only
 * because other events cite it, is left out together with what is behind it.
 */
export async function walkBack(reader: Reader, room: Pick<Room, 'nid'>, walk: Walk): Promise<StoredEvent[]> {
  const { from, limit, stopAt, minDepth = 0 } = walk
  const met = new Set<EventId>(stopAt)
  const ahead = new MinHeap<StoredEvent>(isLater)
  const found: StoredEvent[] = []
  const pause = createYielder()
  const meet = async (ids: readonly EventId[]) => {
    for (const id of ids) {
      if (met.has(id)) continue
      met.add(id)
      const event = await getEventById(reader, id)
      const isKnown = event?.roomNid === room.nid && event.streamPos !== undefined && event.status !== 2
      if (isKnown && event.pdu.depth >= minDepth) ahead.push(event)
    }
  }
  await meet(from)
  for (let next = ahead.pop(); next !== undefined && found.length < limit; next = ahead.pop()) {
    await pause()
    found.push(next)
    await meet(prevEventIds(next.pdu))
  }
  return found
}
