/** State resolution: one room state out of the states of several branches, the same on every server. */
import type { EventId } from './ids.ts'
import type { RoomVersionRules } from './room-versions.ts'
import type { StateMap } from './state-map.ts'
import { type SplitStates, splitStates } from './state-res-conflicts.ts'
import type { ResolutionMemo } from './state-res-memo.ts'
import { EventPool, type ResolvableEvent, type Steps } from './state-res-pool.ts'
import { resolveV1 } from './state-res-v1.ts'
import { resolveV2 } from './state-res-v2.ts'

export { parseStateMapKey, type StateMap, stateMapKey } from './state-map.ts'
export type { SplitStates } from './state-res-conflicts.ts'
export { ResolutionMemo } from './state-res-memo.ts'
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
  const pool = new EventPool(rules)
  const steps = resolveWhole(pool, [...new Set(states)])
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    for (const id of value.ids) pool.addEvent(id, getEvent(id))
  }
}

function* resolveWhole(pool: EventPool, states: readonly StateMap[]): Steps<StateMap> {
  const split = yield* splitStates(pool, states)
  return new Map([...split.unconflicted, ...(yield* resolveSplit(pool, split))])
}

function resolveSplit(pool: EventPool, split: SplitStates): Steps<Map<string, EventId>> {
  return pool.rules.stateResolution === 'v1' ? resolveV1(pool, split) : resolveV2(pool, split)
}

export interface ResolutionTools {
  readonly rules: RoomVersionRules
  readonly source: EventSource
  /** Awaited every few milliseconds of work, so that large rooms do not hold up everybody else. */
  readonly yieldNow: () => Promise<void>
  readonly memo: ResolutionMemo
}

/**
 * Resolves states that have been taken apart and whose events are somewhere else. Returns the resolved entries beside
 * what all states have alike; together they are what `resolveState` returns.
 */
export async function resolveConflicts(split: SplitStates, tools: ResolutionTools): Promise<StateMap> {
  const { source } = tools
  const pool = new EventPool(tools.rules, tools.memo)
  const steps = resolveSplit(pool, split)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    const { what, ids } = value
    if (ids.length === 0) await tools.yieldNow()
    else if (what === 'authIds' && source.loadAuthIds) await fillAuthIds(pool, ids, source.loadAuthIds(ids))
    else await fillEvents(pool, ids, source.loadEvents(ids))
  }
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
