/** The two orders in which conflicted events are tried: https://spec.matrix.org/v1.19/rooms/v12/#definitions */
import { MinHeap } from '../util/min-heap.ts'
import type { EventId } from './ids.ts'
import { powerOf } from './power-levels.ts'
import type { RoomVersionRules } from './room-versions.ts'
import { citedIds, citedState } from './state-res-auth.ts'
import { type EventPool, pause, type ResolvableEvent, type Steps } from './state-res-pool.ts'

interface Ranked {
  readonly event: ResolvableEvent
  /** Higher ranks come first. */
  readonly rank: number
}

function comesBefore(a: Ranked, b: Ranked): boolean {
  if (a.rank !== b.rank) return a.rank > b.rank
  const [one, other] = [a.event, b.event]
  if (one.pdu.origin_server_ts !== other.pdu.origin_server_ts) {
    return one.pdu.origin_server_ts < other.pdu.origin_server_ts
  }
  return one.eventId < other.eventId
}

/**
 * Reverse topological power ordering: what an event cites comes before it, and where that leaves a choice, senders
 * with more power come first, then what is older, then the lesser id.
 */
export function* sortByPower(
  pool: EventPool,
  rules: RoomVersionRules,
  events: ReadonlyMap<EventId, ResolvableEvent>,
): Steps<ResolvableEvent[]> {
  yield* pool.loadFor([...events.values()], (event) => [event.eventId, ...citedIds(rules, event)])
  const ready = new MinHeap<Ranked>(comesBefore)
  const waitingFor = new Map<EventId, number>()
  const citedBy = new Map<EventId, ResolvableEvent[]>()
  const enter = (event: ResolvableEvent): void => {
    ready.push({ event, rank: powerOf(citedState(pool, rules, event), rules, event.pdu.sender) })
  }
  for (const [id, event] of events) {
    const cited = pool.authIds(id).filter((one) => events.has(one))
    waitingFor.set(id, cited.length)
    for (const one of cited) {
      const citing = citedBy.get(one)
      if (citing === undefined) citedBy.set(one, [event])
      else citing.push(event)
    }
    if (cited.length === 0) enter(event)
    if (pool.isTired(20)) yield pause
  }
  const sorted: ResolvableEvent[] = []
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    sorted.push(next.event)
    for (const citing of citedBy.get(next.event.eventId) ?? []) {
      const left = (waitingFor.get(citing.eventId) ?? 0) - 1
      waitingFor.set(citing.eventId, left)
      if (left === 0) enter(citing)
    }
    if (pool.isTired(20)) yield pause
  }
  return sorted
}

/**
 * Mainline ordering: first what was authorised by the oldest power levels on the line that leads to `powerLevelsId`
 * (undefined: there is no line), then what is older, then the lesser id.
 */
export function* sortByMainline(
  pool: EventPool,
  powerLevelsId: EventId | undefined,
  events: readonly ResolvableEvent[],
): Steps<ResolvableEvent[]> {
  const positions = new Map<EventId, number>()
  for (let id = powerLevelsId; id !== undefined && !positions.has(id); id = yield* citedPowerLevels(pool, id)) {
    positions.set(id, positions.size)
  }
  const heap = new MinHeap<Ranked>(comesBefore)
  yield* pool.loadFor(events, (event) => pool.authIds(event.eventId))
  for (const event of events) {
    heap.push({ event, rank: yield* mainlinePosition(pool, positions, event.eventId) })
    if (pool.isTired(5)) yield pause
  }
  const sorted: ResolvableEvent[] = []
  for (let next = heap.pop(); next !== undefined; next = heap.pop()) {
    sorted.push(next.event)
    if (pool.isTired(5)) yield pause
  }
  return sorted
}

/** How far back on the mainline the power levels behind an event stand; remembers what it finds in `positions`. */
function* mainlinePosition(pool: EventPool, positions: Map<EventId, number>, eventId: EventId): Steps<number> {
  const passed = new Set<EventId>()
  let id = yield* citedPowerLevels(pool, eventId)
  while (id !== undefined && !positions.has(id) && !passed.has(id)) {
    passed.add(id)
    id = yield* citedPowerLevels(pool, id)
    if (pool.isTired(5)) yield pause
  }
  const position = (id === undefined ? undefined : positions.get(id)) ?? Number.POSITIVE_INFINITY
  for (const one of passed) positions.set(one, position)
  return position
}

function* citedPowerLevels(pool: EventPool, eventId: EventId): Steps<EventId | undefined> {
  yield* pool.loadEvents([eventId])
  const cited = pool.authIds(eventId)
  yield* pool.loadEvents(cited)
  return cited.find((id) => {
    const pdu = pool.get(id)?.pdu
    return pdu?.type === 'm.room.power_levels' && pdu.state_key === ''
  })
}
