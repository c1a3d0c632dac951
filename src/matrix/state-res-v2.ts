/** State resolution of room versions 2-11 and, with what version 12 changed, 2.1: https://spec.matrix.org/v1.19/rooms/v12/#state-resolution */
import type { Pdu } from './event.ts'
import type { EventId } from './ids.ts'
import type { RoomVersionRules } from './room-versions.ts'
import { type StateMap, stateMapKey } from './state-map.ts'
import { applyAllowed } from './state-res-auth.ts'
import { fullConflictedSet, splitStates } from './state-res-conflicts.ts'
import { sortByMainline, sortByPower } from './state-res-ordering.ts'
import type { EventPool, ResolvableEvent, Steps } from './state-res-pool.ts'

export function* resolveV2(pool: EventPool, rules: RoomVersionRules, states: readonly StateMap[]): Steps<StateMap> {
  const isNewer = rules.stateResolution === 'v2.1'
  const split = yield* splitStates(pool, states)
  if (split.conflicted.every((events) => events.size === 0)) return split.unconflicted
  const ids = yield* fullConflictedSet(pool, split, isNewer)
  yield* pool.loadEvents(ids)
  const events = new Map<EventId, ResolvableEvent>()
  for (const id of ids) {
    const event = pool.get(id)
    if (event !== undefined) events.set(id, event)
    else if (split.conflicted.some((one) => one.has(id))) throw new Error(`The state event ${id} is missing`)
  }

  const power = withCited(pool, events, (event) => isPowerEvent(event.pdu))
  const resolved = new Map<string, EventId>(isNewer ? [] : split.unconflicted)
  yield* applyAllowed(pool, rules, resolved, yield* sortByPower(pool, rules, power))

  const others = [...events.values()].filter((event) => !power.has(event.eventId))
  const levels = resolved.get(stateMapKey('m.room.power_levels', ''))
  yield* applyAllowed(pool, rules, resolved, yield* sortByMainline(pool, levels, others))

  for (const [key, id] of split.unconflicted) resolved.set(key, id)
  return resolved
}

/** Events that may take somebody's ability to do something; they are tried before all others. */
function isPowerEvent(pdu: Pdu): boolean {
  if (pdu.type === 'm.room.member') {
    const { membership } = pdu.content
    return (membership === 'leave' || membership === 'ban') && pdu.state_key !== pdu.sender
  }
  return pdu.state_key !== undefined && (pdu.type === 'm.room.power_levels' || pdu.type === 'm.room.join_rules')
}

/** The chosen events and, out of the same set, all that they rest on. */
function withCited(
  pool: EventPool,
  events: ReadonlyMap<EventId, ResolvableEvent>,
  isChosen: (event: ResolvableEvent) => boolean,
): Map<EventId, ResolvableEvent> {
  const found = new Map<EventId, ResolvableEvent>()
  const open = [...events.values()].filter(isChosen)
  for (let event = open.pop(); event !== undefined; event = open.pop()) {
    if (found.has(event.eventId)) continue
    found.set(event.eventId, event)
    for (const id of pool.authIds(event.eventId)) {
      const cited = events.get(id)
      if (cited !== undefined) open.push(cited)
    }
  }
  return found
}
