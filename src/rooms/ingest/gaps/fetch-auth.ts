import type { Database } from '../../../db/database.ts'
import { requestEvent, requestEventAuth } from '../../../federation/client/requests-events.ts'
import type { IdentifiedPdu } from '../../../matrix/event.ts'
import { authEventIds } from '../../../matrix/event-references.ts'
import type { EventId } from '../../../matrix/ids.ts'
import type { Outliers } from '../outliers.ts'
import { listPlaces } from '../store-places.ts'
import type { RoomSource } from './room-source.ts'

interface Deps {
  readonly db: Database
  readonly outliers: Outliers
}

async function listMissing({ db }: Deps, { pdu }: IdentifiedPdu, expected: ReadonlySet<EventId>): Promise<EventId[]> {
  const ids = authEventIds(pdu).filter((id) => !expected.has(id))
  const places = await db.read((reader) => listPlaces(reader, ids))
  return ids.filter((id) => !places.has(id))
}

/** Fetches what an event cites and is not here. `expected`: what will be here when the event is judged. Whether all is there then. */
export async function fetchAuth(
  deps: Deps,
  source: RoomSource,
  event: IdentifiedPdu,
  expected: ReadonlySet<EventId>,
): Promise<boolean> {
  const { room, transport } = source
  let missing = await listMissing(deps, event, expected)
  if (missing.length === 0) return true
  for (const server of await source.servers()) {
    // Other events that came with this one may cite the same.
    if (source.lacks(server, missing)) continue
    const chain = await source.ask(server, (at) => requestEventAuth(transport, at, room.roomId, event.eventId))
    if (chain !== undefined) await deps.outliers.store(room, chain)
    missing = await listMissing(deps, event, expected)
    const asked = new Set<EventId>()
    for (const id of missing) {
      asked.add(id)
      // A server that does not know the event may know what it cites.
      const json = await source.ask(server, (at) => requestEvent(transport, at, id))
      if (json === undefined) break
      const above = await source.ask(server, (at) => requestEventAuth(transport, at, room.roomId, id))
      await deps.outliers.store(room, [...(above ?? []), json])
    }
    if (asked.size > 0) missing = await listMissing(deps, event, expected)
    if (missing.length === 0) return true
    source.noteLacking(
      server,
      missing.filter((id) => asked.has(id)),
    )
  }
  return false
}
