/** The two orders in which conflicted events are tried: https://spec.matrix.org/v1.19/rooms/v12/#definitions */
import { MinHeap } from '../util/min-heap.ts'
import type { EventId } from './ids.ts'
import { powerOf } from './power-levels.ts'
import { stateMapKey } from './state-map.ts'
import { citedIds, citedState, isCitedHere } from './state-res-auth.ts'
import type { Facts } from './state-res-memo.ts'
import { type EventPool, pause, type Steps } from './state-res-pool.ts'

interface Ranked {
  readonly facts: Facts
  /** Higher ranks come first. */
  readonly rank: number
}

function comesBefore(a: Ranked, b: Ranked): boolean {
  if (a.rank !== b.rank) return a.rank > b.rank
  const [one, other] = [a.facts, b.facts]
  if (one.sentAt !== other.sentAt) return one.sentAt < other.sentAt
  return one.eventId < other.eventId
}

/**
 * Reverse topological power ordering: what an event cites comes before it, and where that leaves a choice, senders
 * with more power come first, then what is older, then the lesser id.
 */
export function* sortByPower(pool: EventPool, events: ReadonlyMap<EventId, Facts>): Steps<Facts[]> {
  yield* loadPowers(pool, [...events.values()])
  const ready = new MinHeap<Ranked>(comesBefore)
  const waitingFor = new Map<EventId, number>()
  const citedBy = new Map<EventId, Facts[]>()
  for (const [id, facts] of events) {
    const cited = facts.authIds.filter((one) => events.has(one))
    waitingFor.set(id, cited.length)
    for (const one of cited) {
      const citing = citedBy.get(one)
      if (citing === undefined) citedBy.set(one, [facts])
      else citing.push(facts)
    }
    if (cited.length === 0) ready.push({ facts, rank: powerIn(pool, facts) })
    if (pool.isTired(20)) yield pause
  }
  const sorted: Facts[] = []
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    sorted.push(next.facts)
    for (const citing of citedBy.get(next.facts.eventId) ?? []) {
      const left = (waitingFor.get(citing.eventId) ?? 0) - 1
      waitingFor.set(citing.eventId, left)
      if (left === 0) ready.push({ facts: citing, rank: powerIn(pool, citing) })
    }
    if (pool.isTired(20)) yield pause
  }
  return sorted
}

function* loadPowers(pool: EventPool, events: readonly Facts[]): Steps<void> {
  const unknown = events.filter(({ power }) => power === undefined)
  yield* pool.loadFor(unknown, ({ eventId, authIds }) => [eventId, ...authIds])
  // The create event that a room id names.
  yield* pool.loadFor(unknown, ({ eventId }) => {
    const event = pool.get(eventId)
    return event === undefined ? [] : citedIds(pool.rules, event)
  })
}

function powerIn(pool: EventPool, facts: Facts): number {
  if (facts.power !== undefined) return facts.power
  const event = pool.get(facts.eventId)
  if (event === undefined) return 0
  const power = powerOf(citedState(pool, event), pool.rules, event.pdu.sender)
  if (isCitedHere(pool, event)) facts.power = power
  return power
}

/**
 * Mainline ordering: first what was authorised by the oldest power levels on the line that leads to `levelsId`
 * (undefined: there is no line), then what is older, then the lesser id.
 */
export function* sortByMainline(
  pool: EventPool,
  levelsId: EventId | undefined,
  events: readonly Facts[],
): Steps<Facts[]> {
  const positions = yield* mainlineOf(pool, levelsId)
  yield* pool.loadFor(
    events.filter((facts) => facts.levelsId === undefined),
    (facts) => facts.authIds,
  )
  const heap = new MinHeap<Ranked>(comesBefore)
  for (const facts of events) {
    heap.push({ facts, rank: yield* mainlinePosition(pool, positions, facts) })
    if (pool.isTired(2)) yield pause
  }
  const sorted: Facts[] = []
  for (let next = heap.pop(); next !== undefined; next = heap.pop()) {
    sorted.push(next.facts)
    if (pool.isTired(2)) yield pause
  }
  return sorted
}

function* mainlineOf(pool: EventPool, levelsId: EventId | undefined): Steps<Map<EventId, number>> {
  const known = levelsId && pool.memo.mainline(levelsId)
  if (known !== undefined) return known
  const positions = new Map<EventId, number>()
  let isWhole = true
  for (let id = levelsId; id !== undefined && !positions.has(id); ) {
    positions.set(id, positions.size)
    yield* pool.loadFacts([id])
    const facts = pool.facts(id)
    id = facts && (yield* citedPowerLevels(pool, facts))
    isWhole &&= facts?.levelsId !== undefined
  }
  if (levelsId !== undefined && isWhole) pool.memo.keepMainline(levelsId, positions)
  return positions
}

/** How far back on the mainline the power levels behind an event stand; remembers what it finds in `positions`. */
function* mainlinePosition(pool: EventPool, positions: Map<EventId, number>, facts: Facts): Steps<number> {
  let id = facts.levelsId === undefined ? yield* citedPowerLevels(pool, facts) : (facts.levelsId ?? undefined)
  const first = id === undefined ? undefined : positions.get(id)
  if (first !== undefined) return first
  const passed = new Set<EventId>()
  let isWhole = true
  while (id !== undefined && !positions.has(id) && !passed.has(id)) {
    passed.add(id)
    yield* pool.loadFacts([id])
    const levels = pool.facts(id)
    id = levels && (yield* citedPowerLevels(pool, levels))
    isWhole &&= levels?.levelsId !== undefined
    if (pool.isTired(5)) yield pause
  }
  const position = (id === undefined ? undefined : positions.get(id)) ?? Number.POSITIVE_INFINITY
  if (isWhole) for (const one of passed) positions.set(one, position)
  return position
}

const levelsKey = stateMapKey('m.room.power_levels', '')

function* citedPowerLevels(pool: EventPool, facts: Facts): Steps<EventId | undefined> {
  if (facts.levelsId !== undefined) return facts.levelsId ?? undefined
  yield* pool.loadFacts(facts.authIds)
  const found = facts.authIds.find((id) => pool.facts(id)?.key === levelsKey)
  if (found !== undefined || facts.authIds.every((id) => pool.facts(id) !== undefined)) facts.levelsId = found ?? null
  return found
}
