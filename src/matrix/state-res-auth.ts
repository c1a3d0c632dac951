import { type AuthState, checkAuth } from './auth-rules.ts'
import { createEventIdOf } from './event-references.ts'
import type { EventId } from './ids.ts'
import type { RoomVersionRules } from './room-versions.ts'
import { stateMapKey } from './state-map.ts'
import type { StateDraft } from './state-res-draft.ts'
import type { Facts } from './state-res-memo.ts'
import { type EventPool, pause, type ResolvableEvent, type Steps } from './state-res-pool.ts'

/** About how many microseconds one check of the rules takes; power levels of large rooms take many times that. */
const checkWork = 250

/** The events that an event cites, and from version 12 on the create event, which its room id names instead. */
export function citedIds(rules: RoomVersionRules, event: ResolvableEvent): readonly EventId[] {
  const { room_id: roomId, auth_events: references } = event.pdu
  const ids = references.map((reference) => (typeof reference === 'string' ? reference : reference[0]))
  return rules.roomIdIsCreateHash && roomId !== undefined ? [...ids, createEventIdOf(roomId)] : ids
}

/** The state that an event's own auth events make up. */
export function citedState(pool: EventPool, event: ResolvableEvent): AuthState {
  const cited = citedIds(pool.rules, event).map((id) => pool.get(id))
  return (type, stateKey) =>
    cited.find((one) => one?.pdu.type === type && one.pdu.state_key === stateKey && !one.rejected)?.pdu
}

/** Whether all that an event cites is here, so that what follows from it stays so. */
export function isCitedHere(pool: EventPool, event: ResolvableEvent): boolean {
  return citedIds(pool.rules, event).every((id) => pool.get(id) !== undefined)
}

/**
 * The iterative auth checks: applies to the state, one after another, those of the events that the rules allow in it.
 * Where the state lacks something that the rules ask for, the event's own auth events fill in.
 */
export function* applyAllowed(pool: EventPool, state: StateDraft, events: readonly Facts[]): Steps<void> {
  yield* loadUnjudged(pool, state, events)
  for (const facts of events) {
    if (facts.key === undefined) continue
    const isAllowed = hasVerdict(facts, state) ? facts.verdict?.allowed : yield* judge(pool, state, facts)
    if (isAllowed) state.set(facts.key, facts.eventId)
    if (pool.isTired()) yield pause
  }
}

/** Whether the rules have been asked about the event in a state that is the same to them. */
function hasVerdict({ asked, verdict }: Facts, state: StateDraft): boolean {
  if (verdict === undefined) return false
  for (let i = 0; i < asked.length; i++) if (state.get(asked[i] ?? '') !== verdict.entries[i]) return false
  return true
}

/** Loads what it will probably take, many at a time. */
function* loadUnjudged(pool: EventPool, state: StateDraft, events: readonly Facts[]): Steps<void> {
  const unjudged = events.filter((facts) => !hasVerdict(facts, state))
  yield* pool.loadFor(unjudged, ({ eventId, asked, authIds }) => [
    eventId,
    ...authIds,
    ...asked.flatMap((key) => state.get(key) ?? []),
  ])
}

function* judge(pool: EventPool, state: StateDraft, facts: Facts): Steps<boolean> {
  const entries = facts.asked.map((key) => state.get(key))
  yield* pool.loadEvents([facts.eventId])
  const event = pool.get(facts.eventId)
  if (event === undefined) return false
  yield* pool.loadEvents([...citedIds(pool.rules, event), ...entries.flatMap((id) => id ?? [])])
  const cited = citedState(pool, event)
  const { allowed } = checkAuth(pool.rules, event.pdu, (type, stateKey) => {
    const id = state.get(stateMapKey(type, stateKey))
    return id === undefined ? cited(type, stateKey) : pool.get(id)?.pdu
  })
  const isLasting = isCitedHere(pool, event) && entries.every((id) => id === undefined || pool.get(id) !== undefined)
  if (isLasting) facts.verdict = { entries, allowed }
  if (pool.isTired(checkWork)) yield pause
  return allowed
}
