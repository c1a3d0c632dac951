/** State resolution of room versions 2-11 and, with what version 12 changed, 2.1: https://spec.matrix.org/v1.19/rooms/v12/#state-resolution */
import type { EventId } from './ids.ts'
import { stateMapKey } from './state-map.ts'
import { applyAllowed } from './state-res-auth.ts'
import { fullConflictedSet, type SplitStates } from './state-res-conflicts.ts'
import { StateDraft } from './state-res-draft.ts'
import type { Facts } from './state-res-memo.ts'
import { sortByMainline, sortByPower } from './state-res-ordering.ts'
import { type EventPool, pause, type Steps } from './state-res-pool.ts'

/** The resolved state beside what all states have alike. */
export function* resolveV2(pool: EventPool, split: SplitStates): Steps<Map<string, EventId>> {
  const isNewer = pool.rules.stateResolution === 'v2.1'
  if (split.conflicted.every((entries) => entries.size === 0)) return new Map()
  const events = yield* listEvents(pool, split, yield* fullConflictedSet(pool, split, isNewer))
  const state = new StateDraft(isNewer ? undefined : split.unconflicted)
  const power = withCited(events)
  yield* applyAllowed(pool, state, yield* sortByPower(pool, power))

  const levelsId = state.get(stateMapKey('m.room.power_levels', ''))
  const others: Facts[] = []
  for (const [id, facts] of events) if (!power.has(id)) others.push(facts)
  yield* applyAllowed(pool, state, yield* orderOthers(pool, levelsId, others))

  for (const key of state.changes.keys()) if (split.unconflicted.get(key) !== undefined) state.changes.delete(key)
  return state.changes
}

function* listEvents(pool: EventPool, split: SplitStates, ids: ReadonlySet<EventId>): Steps<Map<EventId, Facts>> {
  yield* pool.loadFacts(ids)
  const events = new Map<EventId, Facts>()
  const missing: EventId[] = []
  for (const id of ids) {
    const facts = pool.facts(id)
    if (facts !== undefined) events.set(id, facts)
    else missing.push(id)
  }
  const conflicted = new Set(missing.length === 0 ? [] : split.conflicted.flatMap((entries) => [...entries.values()]))
  for (const id of missing) if (conflicted.has(id)) throw new Error(`The state event ${id} is missing`)
  return events
}

/** The power events and, out of the same set, all that they rest on. */
function withCited(events: ReadonlyMap<EventId, Facts>): Map<EventId, Facts> {
  const found = new Map<EventId, Facts>()
  const open: Facts[] = []
  for (const facts of events.values()) if (facts.isPower) open.push(facts)
  for (let facts = open.pop(); facts !== undefined; facts = open.pop()) {
    if (found.has(facts.eventId)) continue
    found.set(facts.eventId, facts)
    for (const id of facts.authIds) {
      const cited = events.get(id)
      if (cited !== undefined) open.push(cited)
    }
  }
  return found
}

/**
 * An order in which the events can be tried as in mainline order. That matters only among those for the same entry, and
 * where the rules look at an entry that is itself in question; most branches have little of either.
 */
function* orderOthers(pool: EventPool, levelsId: EventId | undefined, events: readonly Facts[]): Steps<Facts[]> {
  const byKey = new Map<string, Facts[]>()
  for (const facts of events) {
    if (facts.key === undefined) continue
    const same = byKey.get(facts.key)
    if (same === undefined) byKey.set(facts.key, [facts])
    else same.push(facts)
    if (pool.isTired()) yield pause
  }
  const tied = new Set<string>()
  const inQuestion = new Map<readonly string[], readonly string[]>()
  for (const { key, asked } of events) {
    if (key === undefined) continue
    const open = inQuestion.get(asked) ?? asked.filter((one) => byKey.has(one))
    inQuestion.set(asked, open)
    for (const one of open) if (one !== key) tied.add(one).add(key)
    if (pool.isTired()) yield pause
  }
  const sequence: Facts[] = []
  const ordered: Facts[] = []
  for (const [key, same] of byKey) {
    if (tied.has(key)) sequence.push(...same)
    else if (same.length === 1) ordered.push(...same)
    else ordered.push(...(yield* sortByMainline(pool, levelsId, same)))
    if (pool.isTired()) yield pause
  }
  if (sequence.length > 0) ordered.push(...(yield* sortByMainline(pool, levelsId, sequence)))
  return ordered
}
