import type { EventId } from './ids.ts'

/** A state in which entries can be looked up, and all of whose events can be listed. */
export interface StateView {
  get(key: string): EventId | undefined
  values(): Iterable<EventId>
}

/** What a resolution has come to so far, upon what need not be resolved. */
export class StateDraft {
  readonly changes = new Map<string, EventId>()
  readonly #base: Pick<StateView, 'get'> | undefined

  constructor(base: Pick<StateView, 'get'> | undefined) {
    this.#base = base
  }

  get(key: string): EventId | undefined {
    return this.changes.get(key) ?? this.#base?.get(key)
  }

  set(key: string, id: EventId): void {
    this.changes.set(key, id)
  }
}
