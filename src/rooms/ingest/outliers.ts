import type { Database } from '../../db/database.ts'
import type { EventStatus } from '../../db/schema/rooms.ts'
import type { Keyring } from '../../federation/client/ports.ts'
import type { IdentifiedPdu, Json } from '../../matrix/event.ts'
import { authEventIds, createEventIdOf } from '../../matrix/event-references.ts'
import type { EventId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import type { Log } from '../../util/log.ts'
import type { EventCache } from '../event-cache.ts'
import type { States } from '../states.ts'
import { insertAuthEdge } from '../store-event-edges.ts'
import { insertEvent } from '../store-events.ts'
import type { Room } from '../types.ts'
import { addAuthEdges } from './auth-edges.ts'
import { type CitedEvent, judgeByCited } from './judge.ts'
import { readPdu } from './read-pdu.ts'
import { sortManyByReferences } from './sort-events.ts'
import { listPlaces } from './store-places.ts'
import { verifyEvents } from './verify.ts'
import { outlierColumns } from './write-remote.ts'

/** An event that is here because others cite it, or because it is part of a state. */
export interface Outlier extends CitedEvent {
  readonly nid: number
  /** The number of its state key, where it is at hand. */
  readonly keyNid?: number
}

export interface StoredOutliers {
  /** All that is here of what was given and of what that cites. */
  readonly known: ReadonlyMap<EventId, Outlier>
  /** The id of each of the given events; undefined for what is not well-formed, or no state event. */
  readonly ids: readonly (EventId | undefined)[]
}

export type OutlierRoom = Pick<Room, 'nid' | 'roomId' | 'rules'>

/** Events without a place in the history: states, and what authorises them. */
export interface Outliers {
  /**
   * Reads, checks and stores events of a room as another server gave them, in any order. What is malformed, not signed, or
   * cites what is not here is left out; what its auth events do not allow is kept as rejected.
   */
  store(room: OutlierRoom, given: readonly Json[]): Promise<StoredOutliers>
  /** Those of the events that are here and of the room, in their place in the history or without one. */
  list(room: OutlierRoom, ids: readonly EventId[]): Promise<ReadonlyMap<EventId, Outlier>>
}

interface Deps {
  readonly db: Database
  readonly keyring: Pick<Keyring, 'verifyEvents'>
  readonly states: States
  readonly events: EventCache
  readonly log: Log
}

/** Events that are verified together, and written together. */
const verifyPage = 2000
const writePage = 250
/** A transaction holds up all others, and on SQLite everything: so many ms are enough. */
const longestWrite = 15

export function createOutliers({ db, keyring, states, events, log }: Deps): Outliers {
  async function read(room: OutlierRoom, given: readonly Json[]): Promise<(IdentifiedPdu | undefined)[]> {
    const pause = createYielder()
    const found: (IdentifiedPdu | undefined)[] = []
    for (const json of given) {
      await pause()
      const result = readPdu(json, room.rules, room.roomId)
      if (!result.ok) log.debug({ roomId: room.roomId, reason: result.reason }, 'left out a malformed event')
      found.push(result.ok && result.event.pdu.state_key !== undefined ? result.event : undefined)
    }
    return found
  }

  /** What is here already, by its id. */
  async function listKnown(room: OutlierRoom, ids: readonly EventId[]): Promise<Map<EventId, Outlier>> {
    const known = new Map<EventId, Outlier>()
    const pause = createYielder()
    for (let from = 0; from < ids.length; from += 500) {
      await pause()
      const found = await db.read(async (reader) => {
        const places = await listPlaces(reader, ids.slice(from, from + 500))
        const nids = [...places.values()].flatMap(({ nid, roomNid }) => (roomNid === room.nid ? nid : []))
        return [...(await events.list(reader, nids)).values()]
      })
      for (const { eventId, nid, pdu, status } of found) known.set(eventId, { eventId, nid, pdu, status })
    }
    return known
  }

  async function verify(room: OutlierRoom, unknown: readonly IdentifiedPdu[]): Promise<IdentifiedPdu[]> {
    const usable: IdentifiedPdu[] = []
    for (let from = 0; from < unknown.length; from += verifyPage) {
      const page = unknown.slice(from, from + verifyPage)
      for (const [index, event] of (await verifyEvents(keyring, room.rules, page)).entries()) {
        if (event !== undefined) usable.push(event)
        else log.info({ roomId: room.roomId, eventId: page[index]?.eventId }, 'left out an event that is not signed')
      }
    }
    return usable
  }

  function judgeOutlier(room: OutlierRoom, event: IdentifiedPdu, known: ReadonlyMap<EventId, Outlier>) {
    const authIds = [...new Set(authEventIds(event.pdu))]
    const authEvents = authIds.flatMap((id) => known.get(id) ?? [])
    if (authEvents.length < authIds.length) return undefined
    const create = room.rules.roomIdIsCreateHash ? known.get(createEventIdOf(room.roomId)) : undefined
    // What was only kept back from us must not be held against the event.
    const needsCreate = room.rules.roomIdIsCreateHash && event.pdu.type !== 'm.room.create'
    if (needsCreate && create === undefined) return undefined
    return judgeByCited({ rules: room.rules, event, authEvents, create })
  }

  async function write(room: OutlierRoom, page: readonly Checked[], known: Map<EventId, Outlier>): Promise<void> {
    for (let from = 0; from < page.length; ) from += await writeSome(room, page.slice(from), known)
  }

  /** Resolves with how many there was time for. */
  function writeSome(room: OutlierRoom, page: readonly Checked[], known: Map<EventId, Outlier>): Promise<number> {
    return db.write('store state events', async (tx) => {
      const until = performance.now() + longestWrite
      let written = 0
      const made = new Map<EventId, Outlier>()
      // Somebody else may have fetched the same in the meantime.
      const here = await listPlaces(
        tx,
        page.map(({ event }) => event.eventId),
      )
      for (const { event, status } of page) {
        if (written > 0 && performance.now() > until) break
        written += 1
        const { eventId, pdu } = event
        const place = here.get(eventId)
        if (place !== undefined) made.set(eventId, { eventId, nid: place.nid, pdu, status: place.status })
        if (place !== undefined) continue
        const nid = await insertEvent(tx, { ...outlierColumns(event, room.nid), status })
        const keyNid = await states.requireKeyNid(tx, pdu.type, pdu.state_key ?? '')
        made.set(eventId, { eventId, nid, pdu, status, keyNid })
        for (const authId of new Set(authEventIds(pdu))) {
          const cited = made.get(authId) ?? known.get(authId)
          if (cited !== undefined) await insertAuthEdge(tx, nid, cited.nid)
        }
      }
      tx.afterCommit(() => {
        for (const [eventId, outlier] of made) known.set(eventId, outlier)
      })
      return written
    })
  }

  return {
    list: listKnown,
    store: async (room, given) => {
      const readEvents = await read(room, given)
      const ids = readEvents.map((event) => event?.eventId)
      const createId = room.rules.roomIdIsCreateHash ? [createEventIdOf(room.roomId)] : []
      const pause = createYielder()
      const list = new Map<EventId, IdentifiedPdu>()
      const wanted = new Set(createId)
      for (const event of readEvents) {
        await pause()
        if (event === undefined || list.has(event.eventId)) continue
        list.set(event.eventId, event)
        for (const id of [event.eventId, ...authEventIds(event.pdu)]) wanted.add(id)
      }
      const known = await listKnown(room, [...wanted])
      const before = [...list.values()].filter(({ eventId }) => known.has(eventId))
      const unknown = await verify(
        room,
        [...list.values()].filter(({ eventId }) => !known.has(eventId)),
      )
      let page: Checked[] = []
      const judged = new Map<EventId, Outlier>(known)
      // The create event comes before what does not cite it.
      const sorted = await sortManyByReferences(unknown, ({ eventId, pdu }) =>
        createId.includes(eventId) ? [] : [...authEventIds(pdu), ...createId],
      )
      for (const event of sorted) {
        await pause()
        const verdict = judgeOutlier(room, event, judged)
        if (verdict === undefined) continue
        const { status, reason } = verdict
        if (reason !== undefined) log.info({ roomId: room.roomId, eventId: event.eventId, reason }, 'rejected an event')
        judged.set(event.eventId, { ...event, status, nid: 0 })
        page.push({ event, status })
        if (page.length < writePage) continue
        await write(room, page, known)
        page = []
      }
      if (page.length > 0) await write(room, page, known)
      await addAuthEdges(db, before, known)
      return { known, ids }
    },
  }
}

interface Checked {
  readonly event: IdentifiedPdu
  readonly status: EventStatus
}
