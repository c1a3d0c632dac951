import type { IdentifiedPdu } from './event.ts'
import { authEventIds } from './event-references.ts'
import type { EventId } from './ids.ts'

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
  readonly #events = new Map<EventId, ResolvableEvent | undefined>()
  readonly #authIds = new Map<EventId, readonly EventId[]>()
  #work = 0

  get(id: EventId): ResolvableEvent | undefined {
    return this.#events.get(id)
  }

  /** The ids that an event cites in `auth_events`. */
  authIds(id: EventId): readonly EventId[] {
    return this.#authIds.get(id) ?? []
  }

  addEvent(id: EventId, event: ResolvableEvent | undefined): void {
    this.#events.set(id, event)
    this.addAuthIds(id, event === undefined ? [] : [...new Set(authEventIds(event.pdu))])
  }

  addAuthIds(id: EventId, authIds: readonly EventId[]): void {
    if (!this.#authIds.has(id)) this.#authIds.set(id, authIds)
  }

  *loadEvents(ids: Iterable<EventId>): Steps<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#events.has(id))
    if (missing.length > 0) yield { what: 'events', ids: missing }
  }

  /** Loads what many items need, a page of items at a time. */
  *loadFor<T>(items: readonly T[], idsOf: (item: T) => readonly EventId[]): Steps<void> {
    for (let i = 0; i < items.length; i += page) {
      yield* this.loadEvents(items.slice(i, i + page).flatMap(idsOf))
      if (this.isTired(page)) yield pause
    }
  }

  *loadAuthIds(ids: Iterable<EventId>): Steps<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#authIds.has(id))
    if (missing.length > 0) yield { what: 'authIds', ids: missing }
  }

  /** Counts work, in units of about a microsecond; true when it is time for a pause. */
  isTired(work = 1): boolean {
    this.#work += work
    if (this.#work < 2000) return false
    this.#work = 0
    return true
  }
}
