import type { Database } from '../../../db/database.ts'
import type { IdentifiedPdu } from '../../../matrix/event.ts'
import { authEventIds, prevEventIds } from '../../../matrix/event-references.ts'
import type { EventId } from '../../../matrix/ids.ts'
import { sortByReferences } from '../sort-events.ts'
import { listPlaces } from '../store-places.ts'

/** Events that are to be placed together, and what is known of those before them. */
export class EventPool {
  readonly #db: Database
  readonly events = new Map<EventId, IdentifiedPdu>()

  constructor(db: Database, events: readonly IdentifiedPdu[]) {
    this.#db = db
    this.add(events)
  }

  /** Returns whether there was something new among them. */
  add(events: readonly IdentifiedPdu[]): boolean {
    const before = this.events.size
    for (const event of events) if (!this.events.has(event.eventId)) this.events.set(event.eventId, event)
    return this.events.size > before
  }

  /** By event: what comes before it and is neither here nor in the pool. Events before which all is known are left out. */
  async listMissing(): Promise<Map<EventId, EventId[]>> {
    const ids = [...this.events.values()].flatMap(({ pdu }) => prevEventIds(pdu))
    const places = await this.#db.read((reader) => listPlaces(reader, ids))
    const missing = new Map<EventId, EventId[]>()
    for (const { eventId, pdu } of this.events.values()) {
      const unknown = prevEventIds(pdu).filter((id) => !this.events.has(id) && places.get(id)?.stateNid === undefined)
      if (unknown.length > 0) missing.set(eventId, unknown)
    }
    return missing
  }

  /** Takes out what is in its place already. */
  async removePlaced(): Promise<void> {
    const places = await this.#db.read((reader) => listPlaces(reader, [...this.events.keys()]))
    for (const { eventId, stateNid } of places.values()) if (stateNid !== undefined) this.events.delete(eventId)
  }

  /** Takes out what does not come before these events by way of the pool alone: beyond what is here it is another stretch of history. */
  keepBefore(ids: readonly EventId[]): void {
    const reached = new Set<EventId>()
    const open = [...ids]
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      const event = reached.has(id) ? undefined : this.events.get(id)
      if (event === undefined) continue
      reached.add(id)
      open.push(...prevEventIds(event.pdu))
    }
    for (const id of this.events.keys()) if (!reached.has(id)) this.events.delete(id)
  }

  /** Each after what it refers to. */
  sorted(): IdentifiedPdu[] {
    const byDepth = [...this.events.values()].sort((a, b) => a.pdu.depth - b.pdu.depth)
    return sortByReferences(byDepth, ({ pdu }) => [...prevEventIds(pdu), ...authEventIds(pdu)])
  }
}
