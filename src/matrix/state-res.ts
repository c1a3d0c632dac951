/** State resolution: one room state out of the states of several branches, the same on every server. */
import type { EventId } from './ids.ts'
import type { RoomVersionRules } from './room-versions.ts'
import type { StateMap } from './state-map.ts'
import { EventPool, type ResolvableEvent, type Steps } from './state-res-pool.ts'
import { resolveV1 } from './state-res-v1.ts'
import { resolveV2 } from './state-res-v2.ts'

export { parseStateMapKey, type StateMap, stateMapKey } from './state-map.ts'
export type { ResolvableEvent } from './state-res-pool.ts'

/** Where a resolution gets its events from, many at a time; what it does not know it leaves out. */
export interface EventSource {
  loadEvents(ids: readonly EventId[]): Promise<Iterable<ResolvableEvent>>
  /** What events cite in `auth_events`, where that is cheaper to get than the events: large rooms have long auth chains. */
  loadAuthIds?(ids: readonly EventId[]): Promise<ReadonlyMap<EventId, readonly EventId[]>>
}

/**
 * Resolves states whose events are at hand: the state events, and all that can be reached from them by `auth_events`.
 * Throws where the states disagree about an event that `getEvent` does not know.
 */
export function resolveState(
  rules: RoomVersionRules,
  states: readonly StateMap[],
  getEvent: (id: EventId) => ResolvableEvent | undefined,
): StateMap {
  const pool = new EventPool()
  const steps = stepsOf(pool, rules, states)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    for (const id of value.ids) pool.addEvent(id, getEvent(id))
  }
}

/**
 * Resolves states whose events are somewhere else, with the same result as `resolveState`. Every few milliseconds of
 * work it awaits `yieldNow`, so that large rooms do not hold up everybody else.
 */
export async function resolveStateAsync(
  rules: RoomVersionRules,
  states: readonly StateMap[],
  source: EventSource,
  yieldNow: () => Promise<void>,
): Promise<StateMap> {
  const pool = new EventPool()
  const steps = stepsOf(pool, rules, states)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    const { what, ids } = value
    if (ids.length === 0) await yieldNow()
    else if (what === 'authIds' && source.loadAuthIds) await fillAuthIds(pool, ids, source.loadAuthIds(ids))
    else await fillEvents(pool, ids, source.loadEvents(ids))
  }
}

function stepsOf(pool: EventPool, rules: RoomVersionRules, states: readonly StateMap[]): Steps<StateMap> {
  const distinct = [...new Set(states)]
  return rules.stateResolution === 'v1' ? resolveV1(pool, rules, distinct) : resolveV2(pool, rules, distinct)
}

async function fillAuthIds(
  pool: EventPool,
  ids: readonly EventId[],
  loading: Promise<ReadonlyMap<EventId, readonly EventId[]>>,
): Promise<void> {
  const found = await loading
  for (const id of ids) pool.addAuthIds(id, found.get(id) ?? [])
}

async function fillEvents(
  pool: EventPool,
  ids: readonly EventId[],
  loading: Promise<Iterable<ResolvableEvent>>,
): Promise<void> {
  for (const event of await loading) pool.addEvent(event.eventId, event)
  for (const id of ids) if (pool.get(id) === undefined) pool.addEvent(id, undefined)
}
