/** State resolution of room version 1: https://spec.matrix.org/v1.19/rooms/v1/#state-resolution */
import { createHash } from 'node:crypto'
import { authStateKeys, checkAuth } from './auth-rules.ts'
import type { EventId } from './ids.ts'
import { parseStateMapKey, type StateMap, stateMapKey } from './state-map.ts'
import type { SplitStates } from './state-res-conflicts.ts'
import { StateDraft } from './state-res-draft.ts'
import { type EventPool, pause, type ResolvableEvent, type Steps } from './state-res-pool.ts'

/** Conflicts of these types are settled first, in this order, because the rules for all others rest on them. */
const authTypes = ['m.room.power_levels', 'm.room.join_rules', 'm.room.member']

interface Conflict {
  readonly key: string
  readonly type: string
  /** By ascending depth, then descending SHA-1 of the id. */
  readonly events: readonly ResolvableEvent[]
}

/** The resolved state beside what all states have alike. */
export function* resolveV1(pool: EventPool, split: SplitStates): Steps<Map<string, EventId>> {
  const resolved = new StateDraft(split.unconflicted)
  const conflicts = yield* takeConflicts(pool, split.conflicted, resolved)
  yield* loadAsked(pool, resolved, conflicts)
  const isAllowed = ({ pdu }: ResolvableEvent): boolean =>
    checkAuth(pool.rules, pdu, (type, stateKey) => {
      const id = resolved.get(stateMapKey(type, stateKey))
      return id === undefined ? undefined : pool.get(id)?.pdu
    }).allowed

  for (const type of authTypes) {
    for (const { key, events } of conflicts.filter((conflict) => conflict.type === type)) {
      for (const [i, event] of events.entries()) {
        if (i > 0 && !isAllowed(event)) break
        resolved.set(key, event.eventId)
        if (pool.isTired(250)) yield pause
      }
    }
  }
  const settled: [string, EventId][] = []
  for (const { key, type, events } of conflicts) {
    if (authTypes.includes(type)) continue
    const winner = events.findLast(isAllowed)
    if (winner !== undefined) settled.push([key, winner.eventId])
    if (pool.isTired(250 * events.length)) yield pause
  }
  for (const [key, id] of settled) resolved.set(key, id)
  return resolved.changes
}

/** Puts into `resolved` what stands in some states and differs in none, and gives the rest in one order for everybody. */
function* takeConflicts(pool: EventPool, states: readonly StateMap[], resolved: StateDraft): Steps<Conflict[]> {
  const candidates = new Map<string, Set<EventId>>()
  for (const state of states) {
    for (const [key, id] of state) {
      const known = candidates.get(key)
      if (known === undefined) candidates.set(key, new Set([id]))
      else known.add(id)
      if (pool.isTired()) yield pause
    }
  }
  const conflicting = [...candidates].filter(([, ids]) => ids.size > 1).sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [key, ids] of candidates) for (const id of ids.size > 1 ? [] : ids) resolved.set(key, id)
  yield* pool.loadEvents(conflicting.flatMap(([, ids]) => [...ids]))
  return conflicting.map(([key, ids]) => {
    const events = [...ids].map((id) => {
      const event = pool.get(id)
      if (event === undefined) throw new Error(`The state event ${id} is missing`)
      return { event, sha1: createHash('sha1').update(id).digest('hex') }
    })
    events.sort((a, b) => a.event.pdu.depth - b.event.pdu.depth || (a.sha1 > b.sha1 ? -1 : 1))
    return { key, type: parseStateMapKey(key)[0], events: events.map(({ event }) => event) }
  })
}

function* loadAsked(pool: EventPool, resolved: StateDraft, conflicts: readonly Conflict[]): Steps<void> {
  const keys = conflicts.flatMap(({ events }) => events.flatMap(({ pdu }) => authStateKeys(pdu, pool.rules)))
  yield* pool.loadEvents(keys.flatMap(([type, stateKey]) => resolved.get(stateMapKey(type, stateKey)) ?? []))
}
