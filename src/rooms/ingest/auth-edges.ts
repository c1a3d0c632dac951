import type { Database } from '../../db/database.ts'
import type { IdentifiedPdu } from '../../matrix/event.ts'
import { authEventIds } from '../../matrix/event-references.ts'
import type { EventId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import { insertAuthEdge } from '../store-event-edges.ts'
import { listWithoutAuthEdges } from './store-places.ts'

const pageSize = 500

/**
 * Notes what authorises events that were here already: an invitation that came before its room has no edges, because what
 * it cites was not here. Without them a resolution would overlook what lies behind the invitation.
 */
export async function addAuthEdges(
  db: Database,
  given: readonly IdentifiedPdu[],
  known: ReadonlyMap<EventId, { readonly nid: number }>,
): Promise<void> {
  const nidOf = ({ eventId }: IdentifiedPdu) => known.get(eventId)?.nid ?? 0
  const pause = createYielder()
  for (let from = 0; from < given.length; from += pageSize) {
    await pause()
    const page = given.slice(from, from + pageSize)
    const bare = await db.read((reader) => listWithoutAuthEdges(reader, page.map(nidOf)))
    const events = page.filter((event) => bare.has(nidOf(event)) && authEventIds(event.pdu).length > 0)
    if (events.length === 0) continue
    await db.write('note what authorises events', async (tx) => {
      for (const event of events) {
        for (const authId of new Set(authEventIds(event.pdu))) {
          const cited = known.get(authId)
          if (cited !== undefined) await insertAuthEdge(tx, nidOf(event), cited.nid)
        }
      }
    })
  }
}
