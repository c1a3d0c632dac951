import { type AuthState, authStateKeys, checkAuth } from './auth-rules.ts'
import { createEventIdOf } from './event-references.ts'
import type { EventId } from './ids.ts'
import type { RoomVersionRules } from './room-versions.ts'
import { stateMapKey } from './state-map.ts'
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
export function citedState(pool: EventPool, rules: RoomVersionRules, event: ResolvableEvent): AuthState {
  const cited = citedIds(rules, event).map((id) => pool.get(id))
  return (type, stateKey) =>
    cited.find((one) => one?.pdu.type === type && one.pdu.state_key === stateKey && !one.rejected)?.pdu
}

/**
 * The iterative auth checks: applies to the state, one after another, those of the events that the rules allow in it.
 * Where the state lacks something that the rules ask for, the event's own auth events fill in.
 */
export function* applyAllowed(
  pool: EventPool,
  rules: RoomVersionRules,
  state: Map<string, EventId>,
  events: readonly ResolvableEvent[],
): Steps<void> {
  yield* pool.loadFor(events, (event) => [...citedIds(rules, event), ...askedIds(rules, state, event)])
  for (const event of events) {
    const { pdu } = event
    if (pdu.state_key === undefined) continue
    const cited = citedState(pool, rules, event)
    const verdict = checkAuth(rules, pdu, (type, stateKey) => {
      const id = state.get(stateMapKey(type, stateKey))
      return id === undefined ? cited(type, stateKey) : pool.get(id)?.pdu
    })
    if (verdict.allowed) state.set(stateMapKey(pdu.type, pdu.state_key), event.eventId)
    if (pool.isTired(checkWork)) yield pause
  }
}

/** The events of a state that the rules may ask for. */
function askedIds(rules: RoomVersionRules, state: ReadonlyMap<string, EventId>, event: ResolvableEvent): EventId[] {
  return authStateKeys(event.pdu, rules).flatMap(([type, stateKey]) => state.get(stateMapKey(type, stateKey)) ?? [])
}
