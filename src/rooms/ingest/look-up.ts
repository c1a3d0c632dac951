import type { Reader } from '../../db/database.ts'
import type { IdentifiedPdu } from '../../matrix/event.ts'
import { authEventIds, createEventIdOf, prevEventIds } from '../../matrix/event-references.ts'
import type { EventId } from '../../matrix/ids.ts'
import type { EventCache } from '../event-cache.ts'
import type { Room, StoredEvent } from '../types.ts'
import { listPlaces, type Place } from './store-places.ts'

/** What there is of an event and of all that it refers to. */
export interface Surroundings {
  /** The event itself, where it is here already, in its place or without one. */
  readonly self: Place | undefined
  readonly prevs: readonly Place[]
  readonly authEvents: readonly StoredEvent[]
  readonly create: StoredEvent | undefined
  /** Events before it of which we do not have the state after them. */
  readonly missingPrevs: readonly EventId[]
  readonly missingAuths: readonly EventId[]
  /** Whether it refers to events of another room. */
  readonly isForeign: boolean
}

export async function lookUp(
  reader: Reader,
  cache: EventCache,
  room: Room,
  event: IdentifiedPdu,
): Promise<Surroundings> {
  const prevIds = [...new Set(prevEventIds(event.pdu))]
  const authIds = [...new Set(authEventIds(event.pdu))]
  const createId = room.rules.roomIdIsCreateHash ? createEventIdOf(room.roomId) : undefined
  const asked = [event.eventId, ...prevIds, ...authIds, ...(createId === undefined ? [] : [createId])]
  const places = await listPlaces(reader, asked)
  const nids = authIds.flatMap((id) => places.get(id)?.nid ?? [])
  const createNid = createId && places.get(createId)?.nid
  const stored = await cache.list(reader, createNid === undefined ? nids : [...nids, createNid])
  const prevs = prevIds.flatMap((id) => places.get(id) ?? [])
  return {
    self: places.get(event.eventId),
    prevs,
    authEvents: nids.flatMap((nid) => stored.get(nid) ?? []),
    create: createNid === undefined ? undefined : stored.get(createNid),
    missingPrevs: prevIds.filter((id) => places.get(id)?.stateNid === undefined),
    missingAuths: authIds.filter((id) => !places.has(id)),
    isForeign: [...places.values()].some(({ roomNid }) => roomNid !== room.nid),
  }
}
