import type { IdentifiedPdu, Pdu } from '../../../src/matrix/event.ts'
import { authEventIds, prevEventIds, referenceIds } from '../../../src/matrix/event-references.ts'
import type { EventId } from '../../../src/matrix/ids.ts'
import type { RoomVersionRules } from '../../../src/matrix/room-versions.ts'
import { resolveState, type StateMap, stateMapKey } from '../../../src/matrix/state-res.ts'

/** The events of one room as a server has them, and the state after each whose past is known. */
export class RoomGraph {
  readonly rules: RoomVersionRules
  readonly events = new Map<EventId, IdentifiedPdu>()
  /** Events that nothing in the room follows yet. */
  readonly heads = new Set<EventId>()
  /** Those whose past is in the graph. */
  readonly #placed = new Set<EventId>()
  /** Where history begins for us, and forks whose states were asked for. */
  readonly #known = new Map<EventId, StateMap>()
  /** The state after the only head: kept up to date in place, because rooms mostly grow in one line. */
  #tip: { id: EventId; state: Map<string, EventId> } | undefined

  constructor(rules: RoomVersionRules) {
    this.rules = rules
  }

  /** Adds an event without history, with the state after it, as after joining through another server. */
  seed(event: IdentifiedPdu, stateAfter: StateMap): void {
    this.events.set(event.eventId, event)
    this.#known.set(event.eventId, new Map(stateAfter))
    this.heads.add(event.eventId)
  }

  /** Adds an event of which only the content matters: the state and the auth chain that came with a join. */
  addOutlier(event: IdentifiedPdu): void {
    this.events.set(event.eventId, event)
  }

  /** Whether the state before an event can be told. */
  isPlaceable(pdu: Pdu): boolean {
    return prevEventIds(pdu).every((id) => this.#hasState(id))
  }

  add(event: IdentifiedPdu): void {
    const { eventId, pdu } = event
    if (this.#hasState(eventId)) return
    const prev = prevEventIds(pdu)
    const growsTip = this.#tip !== undefined && prev.length === 1 && prev[0] === this.#tip.id
    const state = growsTip && this.#tip ? this.#tip.state : new Map(this.stateBefore(pdu))
    this.events.set(eventId, event)
    this.#placed.add(eventId)
    for (const id of prev) this.heads.delete(id)
    this.heads.add(eventId)
    if (pdu.state_key !== undefined) state.set(stateMapKey(pdu.type, pdu.state_key), eventId)
    this.#tip = { id: eventId, state }
  }

  #hasState(id: EventId): boolean {
    return this.#placed.has(id) || this.#known.has(id)
  }

  /** The room's state now: that of its heads, resolved. */
  current(): StateMap {
    return this.#resolve([...this.heads])
  }

  stateBefore(pdu: Pdu): StateMap {
    return this.#resolve(prevEventIds(pdu))
  }

  stateAfter(id: EventId): StateMap {
    if (this.#tip?.id === id) return this.#tip.state
    const line: IdentifiedPdu[] = []
    let at = id
    let state = this.#known.get(at)
    while (state === undefined) {
      const event = this.require(at)
      line.push(event)
      const [prev, ...others] = prevEventIds(event.pdu)
      if (prev === undefined || others.length > 0) state = this.stateBefore(event.pdu)
      else state = this.#known.get(prev)
      if (prev !== undefined) at = prev
    }
    const after = new Map(state)
    for (const { eventId, pdu } of line.reverse()) {
      if (pdu.state_key !== undefined) after.set(stateMapKey(pdu.type, pdu.state_key), eventId)
    }
    this.#known.set(id, after)
    return after
  }

  #resolve(heads: readonly EventId[]): StateMap {
    const [only, ...others] = heads
    if (only === undefined) return new Map()
    if (others.length === 0) return this.stateAfter(only)
    return resolveState(
      this.rules,
      heads.map((id) => this.stateAfter(id)),
      (id) => this.events.get(id),
    )
  }

  require(id: EventId): IdentifiedPdu {
    const event = this.events.get(id)
    if (event === undefined) throw new Error(`no event ${id}`)
    return event
  }

  /** All that authorises these events, they themselves not included. */
  authChain(ids: Iterable<EventId>): IdentifiedPdu[] {
    const found = new Map<EventId, IdentifiedPdu>()
    const waiting = [...ids].flatMap((id) => authEventIds(this.require(id).pdu))
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (found.has(id)) continue
      const event = this.events.get(id)
      if (event === undefined) continue
      found.set(id, event)
      waiting.push(...authEventIds(event.pdu))
    }
    return [...found.values()]
  }

  /** Up to `limit` events on the way from `latest` back to `earliest`, neither included, oldest first. */
  between(earliest: readonly EventId[], latest: readonly EventId[], limit: number): IdentifiedPdu[] {
    return this.#walk(
      latest
        .flatMap((id) => this.events.get(id)?.pdu.prev_events ?? [])
        .flatMap((reference) => referenceIds([reference])),
      limit,
      new Set([...earliest, ...latest]),
    )
  }

  /** Up to `limit` events back from these, they included, newest first. */
  before(from: readonly EventId[], limit: number): IdentifiedPdu[] {
    return this.#walk(from, limit, new Set()).reverse()
  }

  #walk(from: readonly EventId[], limit: number, seen: Set<EventId>): IdentifiedPdu[] {
    const found: IdentifiedPdu[] = []
    const waiting = [...from]
    for (let id = waiting.shift(); id !== undefined && found.length < limit; id = waiting.shift()) {
      if (seen.has(id)) continue
      seen.add(id)
      const event = this.events.get(id)
      if (event === undefined) continue
      found.push(event)
      waiting.push(...prevEventIds(event.pdu))
    }
    return found.reverse()
  }
}
