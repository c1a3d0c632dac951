import type { Database, Reader } from '../../db/database.ts'
import { authEventIds } from '../../matrix/event-references.ts'
import { hasUserIdShape, type ServerName, serverOf } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import { listPlaces } from '../ingest/store-places.ts'
import { getPartialRoom } from '../partial/store-partial.ts'
import { listEventsByNid } from '../store-events.ts'
import { getRoomByNid } from '../store-rooms.ts'
import { type Kept, listPlaced, listUnplaced } from './store-purge.ts'
import {
  getNewestNid,
  listAuths,
  listBases,
  listChangesAfter,
  listNewAuths,
  listPresent,
} from './store-purge-states.ts'

const page = 500
const oldest = Number.MIN_SAFE_INTEGER
const newest = Number.MAX_SAFE_INTEGER

/**
 * What the present of a room, and the history that stays, depend on: states, and the state events that stand in them or authorise
 * what does. What others write meanwhile is looked at in `refresh`.
 */
export class Needed {
  readonly states = new Set<number>()
  readonly events = new Set<number>()
  readonly #db: Database
  readonly #roomNid: number
  readonly #serverName: ServerName
  #seenPos = oldest
  #seenNid = 0
  #markedNid = 0

  /** The highest number of an event when it was marked; later ones are never looked at by who deletes. */
  get newestNid(): number {
    return this.#markedNid
  }

  constructor(db: Database, roomNid: number, serverName: ServerName) {
    this.#db = db
    this.#roomNid = roomNid
    this.#serverName = serverName
  }

  /** Looks at all that stays. Everything newer than `position` is seen by `refresh`. */
  async mark(position: number, stays: (event: Kept) => boolean, signal: AbortSignal): Promise<void> {
    this.#seenPos = position
    const roomNid = this.#roomNid
    const read = <T>(fn: (reader: Reader) => Promise<T>) => {
      signal.throwIfAborted()
      return this.#db.read(fn)
    }
    this.#markedNid = await read(getNewestNid)
    this.#seenNid = this.#markedNid
    const pause = createYielder()
    const take = async (events: readonly Kept[]) => {
      const staying = events.filter(stays)
      await read((reader) => this.#add(reader, staying))
      await pause()
    }
    for (let after = oldest, isMore = true; isMore; ) {
      const range = { roomNid, after, before: newest, limit: page }
      const events = await read((reader) => listPlaced(reader, range))
      after = events.at(-1)?.stream_pos ?? after
      isMore = events.length === page
      await take(events)
    }
    for (let after = 0, isMore = true; isMore; ) {
      const events = await read((reader) => listUnplaced(reader, { roomNid, after, limit: page }))
      after = events.at(-1)?.event_nid ?? after
      isMore = events.length === page
      await take(events)
    }
    await read(async (reader) => {
      await this.#addRoom(reader)
      await this.#addEvents(reader, await listPresent(reader, roomNid))
    })
  }

  /** Adds what has come to be needed since it was looked at last. */
  async refresh(reader: Reader): Promise<void> {
    const range = { roomNid: this.#roomNid, after: this.#seenPos, before: newest, limit: page }
    for (let isMore = true; isMore; ) {
      const events = await listPlaced(reader, range)
      isMore = events.length === page
      this.#seenPos = events.at(-1)?.stream_pos ?? this.#seenPos
      range.after = this.#seenPos
      await this.#add(reader, events)
    }
    const upTo = await getNewestNid(reader)
    const auths = await listNewAuths(reader, { roomNid: this.#roomNid, after: this.#seenNid, upTo })
    this.#seenNid = upTo
    await this.#addEvents(reader, auths)
    await this.#addRoom(reader)
  }

  async #addRoom(reader: Reader): Promise<void> {
    const room = await getRoomByNid(reader, this.#roomNid)
    const partial = await getPartialRoom(reader, this.#roomNid)
    const states = [room?.stateNid, room?.citedNid, partial?.baseNid].filter((nid) => nid !== undefined)
    await this.#addStates(reader, states)
  }

  async #add(reader: Reader, events: readonly Kept[]): Promise<void> {
    const states = new Set<number>()
    for (const { before_nid, state_nid, current_nid } of events) {
      for (const nid of [before_nid, state_nid, current_nid]) if (nid !== null) states.add(nid)
    }
    await this.#addStates(reader, [...states])
    await this.#addEvents(
      reader,
      events.flatMap(({ state_key, event_nid }) => (state_key === null ? [] : event_nid)),
    )
    // Edges are kept for state alone, and not of all. What our own events cite stands in the state before them.
    const foreign = events.filter(({ sender }) => !hasUserIdShape(sender) || serverOf(sender) !== this.#serverName)
    const pdus = await listEventsByNid(
      reader,
      foreign.map(({ event_nid }) => event_nid),
    )
    const cited = new Set(pdus.flatMap(({ pdu }) => authEventIds(pdu)))
    const places = await listPlaces(reader, [...cited])
    await this.#addEvents(
      reader,
      [...places.values()].map(({ nid }) => nid),
    )
  }

  async #addStates(reader: Reader, given: readonly number[]): Promise<void> {
    let open = given.filter((nid) => !this.states.has(nid))
    while (open.length > 0) {
      for (const nid of open) this.states.add(nid)
      for (const nid of open) await this.#addChanges(reader, nid)
      open = [...new Set(await listBases(reader, open))].filter((nid) => !this.states.has(nid))
    }
  }

  async #addChanges(reader: Reader, nid: number): Promise<void> {
    const pause = createYielder()
    for (let after = -1, isMore = true; isMore; await pause()) {
      const changes = await listChangesAfter(reader, { nid, after, limit: page })
      isMore = changes.length === page
      after = changes.at(-1)?.key_nid ?? after
      await this.#addEvents(
        reader,
        changes.flatMap(({ event_nid }) => (event_nid === 0 ? [] : event_nid)),
      )
    }
  }

  async #addEvents(reader: Reader, given: readonly number[]): Promise<void> {
    const pause = createYielder()
    let open = [...new Set(given)].filter((nid) => !this.events.has(nid))
    while (open.length > 0) {
      for (const nid of open) this.events.add(nid)
      const auths = new Set<number>()
      for (let from = 0; from < open.length; from += page) {
        for (const nid of await listAuths(reader, open.slice(from, from + page))) auths.add(nid)
        await pause()
      }
      open = [...auths].filter((nid) => !this.events.has(nid))
    }
  }
}
