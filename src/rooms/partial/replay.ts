import type { Tx } from '../../db/database.ts'
import type { EventStatus } from '../../db/schema/rooms.ts'
import { prevEventIds } from '../../matrix/event-references.ts'
import { judge } from '../ingest/judge.ts'
import { lookUp, type Surroundings } from '../ingest/look-up.ts'
import type { Resolutions } from '../ingest/resolutions.ts'
import { sortByReferences } from '../ingest/sort-events.ts'
import type { PersistDeps } from '../persist/deps.ts'
import { deriveAfter } from '../persist/write-event.ts'
import type { RoomView } from '../room-view.ts'
import type { Room, StoredEvent } from '../types.ts'
import { listWithState } from './store-partial.ts'

export interface ReplayDeps extends Pick<PersistDeps, 'states' | 'events'> {
  readonly view: RoomView
  readonly resolutions: Resolutions
}

/** An event with the states that it has once the room lacks nothing. */
export interface Replayed {
  readonly event: StoredEvent
  readonly beforeNid: number | undefined
  readonly stateNid: number
  readonly currentNid: number | undefined
  readonly status: EventStatus
}

export interface ReplayBase {
  readonly joinNid: number
  /** The whole state before our join. */
  readonly stateNid: number
  /** States before events of which not all that comes before is here, as other servers tell them; by the event's number. */
  readonly claimed: ReadonlyMap<number, number>
}

/** What a step has come to: `unresolved` names states that have to be resolved first. */
export type Step =
  | { readonly kind: 'done' | 'paused' }
  | { readonly kind: 'unresolved'; readonly stateNids: readonly number[] }

/**
 * Goes once more through all that has happened in a room since it was entered without its members, from the whole state
 * on, as if this had been there from the beginning. What it derives refers to nothing until its caller writes that down.
 */
export class Replay {
  readonly results = new Map<number, Replayed>()
  readonly #deps: ReplayDeps
  readonly #base: ReplayBase

  constructor(deps: ReplayDeps, base: ReplayBase) {
    this.#deps = deps
    this.#base = base
  }

  /** Goes on with what is new, until `isTimeUp`. */
  async step(tx: Tx, room: Room, isTimeUp: () => boolean): Promise<Step> {
    const nids = await listWithState(tx, room.nid)
    const found = await this.#deps.events.list(
      tx,
      nids.filter((nid) => !this.results.has(nid)),
    )
    for (const event of sortByReferences([...found.values()], ({ pdu }) => prevEventIds(pdu))) {
      if (isTimeUp()) return { kind: 'paused' }
      const unresolved = await this.#replay(tx, room, event)
      if (unresolved !== undefined) return { kind: 'unresolved', stateNids: unresolved }
    }
    return this.#followEnds(tx, room, nids)
  }

  async #replay(tx: Tx, room: Room, event: StoredEvent): Promise<number[] | undefined> {
    const around = await lookUp(tx, this.#deps.events, room, event)
    const states = this.#statesBefore(event, around)
    const beforeNid = await this.#deps.resolutions.find(tx, room.nid, states)
    if (beforeNid === undefined) return states
    const status = await this.#judge(tx, room, event, around, beforeNid)
    const { nid, pdu } = event
    const after =
      status === 2 ? beforeNid : await deriveAfter(this.#deps, tx, { nid, roomNid: room.nid, pdu, beforeNid })
    this.results.set(nid, { event, beforeNid, stateNid: after ?? beforeNid, currentNid: undefined, status })
    return undefined
  }

  #statesBefore({ nid }: StoredEvent, { prevs, missingPrevs }: Surroundings): number[] {
    const { joinNid, stateNid, claimed } = this.#base
    if (nid === joinNid) return [stateNid]
    const states = prevs.flatMap((prev) => this.results.get(prev.nid)?.stateNid ?? [])
    return missingPrevs.length === 0 && states.length > 0 ? states : [...states, claimed.get(nid) ?? stateNid]
  }

  async #judge(
    tx: Tx,
    { rules }: Room,
    event: StoredEvent,
    { authEvents, create }: Surroundings,
    beforeNid: number,
  ): Promise<EventStatus> {
    if (event.status === 2) return 2
    const judged = { rules, event, authEvents, create }
    const verdict = await judge(tx, this.#deps.view, judged, { beforeNid, currentNid: undefined })
    return verdict.status === 2 ? 2 : event.status
  }

  /** The present state of the room at each event of its timeline. */
  async #followEnds(tx: Tx, room: Room, nids: readonly number[]): Promise<Step> {
    const byId = new Map([...this.results.values()].map(({ event }) => [event.eventId, event.nid]))
    const ends = new Map<number, number>()
    for (const nid of nids) {
      const result = this.results.get(nid)
      const position = result?.event.streamPos
      if (result === undefined || position === undefined || position < 0 || result.status !== 0) continue
      for (const prev of prevEventIds(result.event.pdu)) ends.delete(byId.get(prev) ?? 0)
      ends.set(nid, result.stateNid)
      const currentNid = await this.#deps.resolutions.find(tx, room.nid, [...ends.values()])
      if (currentNid === undefined) return { kind: 'unresolved', stateNids: [...ends.values()] }
      this.results.set(nid, { ...result, currentNid: currentNid === result.stateNid ? undefined : currentNid })
    }
    return { kind: 'done' }
  }
}
