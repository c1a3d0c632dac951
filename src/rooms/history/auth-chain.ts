import type { Reader } from '../../db/database.ts'
import { authEventIds } from '../../matrix/event-references.ts'
import type { EventId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import type { EventCache } from '../event-cache.ts'
import { getNid } from '../store-events.ts'
import type { StoredEvent } from '../types.ts'

/**
 * What authorises events, and what authorises that, to the end; the events themselves only where others of them cite
 * them. https://spec.matrix.org/v1.19/server-server-api/#auth-chain
 */
export async function listAuthChain(
  cache: EventCache,
  reader: Reader,
  events: Iterable<StoredEvent>,
): Promise<StoredEvent[]> {
  const met = new Set<EventId>()
  const chain: StoredEvent[] = []
  const pause = createYielder()
  for (let level: Iterable<StoredEvent> = events; ; ) {
    const nids: number[] = []
    for (const { pdu } of level) {
      for (const eventId of authEventIds(pdu)) {
        if (met.has(eventId)) continue
        met.add(eventId)
        const nid = await getNid(reader, eventId)
        if (nid !== undefined) nids.push(nid)
        await pause()
      }
    }
    if (nids.length === 0) return chain
    const next = [...(await cache.list(reader, nids)).values()]
    chain.push(...next)
    level = next
  }
}
