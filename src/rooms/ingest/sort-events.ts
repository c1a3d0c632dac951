import type { IdentifiedPdu } from '../../matrix/event.ts'
import type { EventId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'

/**
 * Puts what events refer to before them, and leaves the order as it is otherwise. Events that refer to each other in a
 * circle come last: no honest server can have made them.
 */
export function sortByReferences<T extends IdentifiedPdu>(events: readonly T[], referencesOf: ReferencesOf<T>): T[] {
  const sorting = sortSteps(events, referencesOf)
  for (;;) {
    const step = sorting.next()
    if (step.done) return step.value
  }
}

/** The same for as many as a large room has: others may go on in between. */
export async function sortManyByReferences<T extends IdentifiedPdu>(
  events: readonly T[],
  referencesOf: ReferencesOf<T>,
): Promise<T[]> {
  const pause = createYielder()
  const sorting = sortSteps(events, referencesOf)
  for (;;) {
    const step = sorting.next()
    if (step.done) return step.value
    await pause()
  }
}

type ReferencesOf<T> = (event: T) => readonly EventId[]

function* sortSteps<T extends IdentifiedPdu>(
  events: readonly T[],
  referencesOf: ReferencesOf<T>,
): Generator<undefined, T[], undefined> {
  const byId = new Map(events.map((event) => [event.eventId, event]))
  const waitingFor = new Map<EventId, number>()
  const followers = new Map<EventId, T[]>()
  const ready: T[] = []
  for (const event of byId.values()) {
    const within = new Set(referencesOf(event).filter((id) => byId.has(id)))
    waitingFor.set(event.eventId, within.size)
    if (within.size === 0) ready.push(event)
    for (const id of within) {
      const list = followers.get(id)
      if (list === undefined) followers.set(id, [event])
      else list.push(event)
    }
    yield
  }
  const sorted = new Set<T>()
  for (const event of ready) {
    sorted.add(event)
    for (const follower of followers.get(event.eventId) ?? []) {
      const left = (waitingFor.get(follower.eventId) ?? 0) - 1
      waitingFor.set(follower.eventId, left)
      if (left === 0) ready.push(follower)
      yield
    }
  }
  for (const event of byId.values()) sorted.add(event)
  return [...sorted]
}
