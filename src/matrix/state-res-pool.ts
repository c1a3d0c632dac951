import type { IdentifiedPdu } from './event.ts'
import type { EventId } from './ids.ts'
import type { RoomVersionRules } from './room-versions.ts'
import { type Facts, ResolutionMemo } from './state-res-memo.ts'

export interface ResolvableEvent extends IdentifiedPdu {
  /** Whether the event was rejected by the authorisation rules. */
  readonly rejected?: boolean
}

/** What a resolution needs before it goes on: events, or of these events only what they cite; with no ids, just a pause. */
export interface Need {
  readonly what: 'events' | 'authIds'
  readonly ids: readonly EventId[]
}

/** A resolution that can be stopped between two steps, to load what it needs or to let others run. */
export type Steps<T> = Generator<Need, T, void>

export const pause: Need = { what: 'events', ids: [] }

const page = 500

/** The events that one resolution has seen. What cannot be loaded counts as an event that cites nothing. */
export class EventPool {
  readonly rules: RoomVersionRules
  readonly memo: ResolutionMemo
  readonly #events = new Map<EventId, ResolvableEvent | undefined>()
  readonly #facts = new Map<EventId, Facts>()
  readonly #authIds = new Map<EventId, readonly EventId[]>()
  #work = 0

  constructor(rules: RoomVersionRules, memo = new ResolutionMemo()) {
    this.rules = rules
    this.memo = memo
  }

  get(id: EventId): ResolvableEvent | undefined {
    return this.#events.get(id)
  }

  /** Of events whose facts or which themselves have been loaded. */
  facts(id: EventId): Facts | undefined {
    return this.#facts.get(id)
  }

  /** The ids that an event cites in `auth_events`. */
  authIds(id: EventId): readonly EventId[] {
    return this.#facts.get(id)?.authIds ?? this.#authIds.get(id) ?? []
  }

  addEvent(id: EventId, event: ResolvableEvent | undefined): void {
    this.#events.set(id, event)
    if (event !== undefined) this.#facts.set(id, this.memo.note(event, this.rules))
  }

  addAuthIds(id: EventId, authIds: readonly EventId[]): void {
    if (!this.#authIds.has(id)) this.#authIds.set(id, authIds)
  }

  *loadEvents(ids: Iterable<EventId>): Steps<void> {
    const missing = new Set<EventId>()
    for (const id of ids) if (!this.#events.has(id)) missing.add(id)
    if (missing.size > 0) yield { what: 'events', ids: [...missing] }
  }

  /** Loads what many items need, a page of items at a time. */
  *loadFor<T>(items: readonly T[], idsOf: (item: T) => readonly EventId[]): Steps<void> {
    for (let i = 0; i < items.length; i += page) {
      yield* this.loadEvents(items.slice(i, i + page).flatMap(idsOf))
      if (this.isTired(page)) yield pause
    }
  }

  *loadFacts(ids: Iterable<EventId>): Steps<void> {
    const missing: EventId[] = []
    for (const id of ids) if (!this.#hasFacts(id)) missing.push(id)
    yield* this.loadEvents(missing)
  }

  *loadAuthIds(ids: Iterable<EventId>): Steps<void> {
    const missing = new Set<EventId>()
    for (const id of ids) if (!this.#authIds.has(id) && !this.#hasFacts(id) && !this.#events.has(id)) missing.add(id)
    if (missing.size > 0) yield { what: 'authIds', ids: [...missing] }
  }

  #hasFacts(id: EventId): boolean {
    if (this.#facts.has(id)) return true
    const known = this.memo.facts(id)
    if (known !== undefined) this.#facts.set(id, known)
    return known !== undefined
  }

  /** Counts work, in units of about a microsecond; true when it is time for a pause. */
  isTired(work = 1): boolean {
    this.#work += work
    if (this.#work < 2000) return false
    this.#work = 0
    return true
  }
}
