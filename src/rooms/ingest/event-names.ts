import type { Reader } from '../../db/database.ts'
import { authEventIds } from '../../matrix/event-references.ts'
import type { EventId } from '../../matrix/ids.ts'
import type { EventSource, ResolvableEvent } from '../../matrix/state-res.ts'
import { yieldNow } from '../../util/async.ts'
import { LruMap } from '../../util/lru.ts'
import type { EventCache } from '../event-cache.ts'
import type { StoredEvent } from '../types.ts'
import { listAuthIds, listPlaces, listPlacesByNid } from './store-places.ts'

/** How a resolution looks at the database: in snapshots of its own, or in a transaction. */
export type Look = <T>(fn: (reader: Reader) => Promise<T>) => Promise<T>

/** Ids and numbers of events, and the events by either, from memory where they have been asked for before. */
export interface EventNames {
  ids(look: Look, nids: Iterable<number>): Promise<ReadonlyMap<number, EventId>>
  nids(look: Look, ids: Iterable<EventId>): Promise<ReadonlyMap<EventId, number>>
  sourceOf(look: Look): EventSource
}

const mostNames = 200_000
const page = 500

export function createEventNames(events: EventCache): EventNames {
  const idByNid = new LruMap<number, EventId>(mostNames)
  const nidById = new LruMap<EventId, number>(mostNames)

  function note({ nid, eventId }: { readonly nid: number; readonly eventId: EventId }): void {
    idByNid.set(nid, eventId)
    nidById.set(eventId, nid)
  }

  /** An event that is purged and comes again has another number. */
  let purges = events.purges()
  function forgetPurged(): void {
    if (purges === events.purges()) return
    purges = events.purges()
    idByNid.clear()
    nidById.clear()
  }

  async function ids(look: Look, nids: Iterable<number>): Promise<ReadonlyMap<number, EventId>> {
    forgetPurged()
    const found = new Map<number, EventId>()
    const missing: number[] = []
    for (const nid of nids) {
      const known = idByNid.get(nid)
      if (known === undefined) missing.push(nid)
      else found.set(nid, known)
    }
    for (let from = 0; from < missing.length; from += page) {
      const places = await look((reader) => listPlacesByNid(reader, missing.slice(from, from + page)))
      for (const place of places.values()) {
        note(place)
        found.set(place.nid, place.eventId)
      }
      await yieldNow()
    }
    return found
  }

  async function nids(look: Look, wanted: Iterable<EventId>): Promise<ReadonlyMap<EventId, number>> {
    forgetPurged()
    const found = new Map<EventId, number>()
    const missing: EventId[] = []
    for (const id of wanted) {
      const known = nidById.get(id)
      if (known === undefined) missing.push(id)
      else found.set(id, known)
    }
    if (missing.length === 0) return found
    for (const place of (await look((reader) => listPlaces(reader, missing))).values()) {
      note(place)
      found.set(place.eventId, place.nid)
    }
    return found
  }

  function peek(id: EventId): StoredEvent | undefined {
    const nid = nidById.get(id)
    return nid === undefined ? undefined : events.peek(nid)
  }

  const resolvable = ({ eventId, pdu, status }: StoredEvent): ResolvableEvent => ({
    eventId,
    pdu,
    rejected: status === 2,
  })

  return {
    ids,
    nids,
    sourceOf: (look) => ({
      loadEvents: async (wanted) => {
        const found: ResolvableEvent[] = []
        const missing: EventId[] = []
        for (const id of wanted) {
          const event = peek(id)
          if (event === undefined) missing.push(id)
          else found.push(resolvable(event))
        }
        if (missing.length === 0) return found
        const numbers = await nids(look, missing)
        const loaded = await look((reader) => events.list(reader, [...numbers.values()]))
        for (const event of loaded.values()) found.push(resolvable(event))
        return found
      },
      loadAuthIds: async (wanted) => {
        const found = new Map<EventId, readonly EventId[]>()
        const missing: EventId[] = []
        for (const id of wanted) {
          const event = peek(id)
          if (event === undefined) missing.push(id)
          else found.set(id, authEventIds(event.pdu))
        }
        if (missing.length === 0) return found
        for (const [id, list] of await look((reader) => listAuthIds(reader, missing))) found.set(id, list)
        return found
      },
    }),
  }
}
