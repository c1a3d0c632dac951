/** State resolution word by word as the specification has it, without a thought for its cost. */
import { checkAuth } from '../../src/matrix/auth-rules.ts'
import { authEventIds, createEventIdOf } from '../../src/matrix/event-references.ts'
import type { EventId } from '../../src/matrix/ids.ts'
import { powerOf } from '../../src/matrix/power-levels.ts'
import type { RoomVersionRules } from '../../src/matrix/room-versions.ts'
import type { ResolvableEvent, SplitStates, StateMap } from '../../src/matrix/state-res.ts'
import { stateMapKey } from '../../src/matrix/state-res.ts'

type Get = (id: EventId) => ResolvableEvent | undefined

/** Takes states apart into what all have alike and what is left of each. */
export function splitMaps(_rules: RoomVersionRules, states: readonly StateMap[]): SplitStates {
  const isShared = ([key, id]: [string, EventId]) => states.every((state) => state.get(key) === id)
  return {
    unconflicted: new Map([...(states[0] ?? [])].filter(isShared)),
    conflicted: states.map((state) => new Map([...state].filter((entry) => !isShared(entry)))),
  }
}

/** For the versions from 2 on. */
export function resolvePlainly(rules: RoomVersionRules, states: readonly StateMap[], get: Get): StateMap {
  const room = new PlainRoom(rules, get)
  const { unconflicted, conflicted } = splitMaps(rules, states)
  const shared = new Map(unconflicted as StateMap)
  const own = new Set(conflicted.flatMap((entries) => [...entries.values()]))
  if (own.size === 0) return shared
  const full = new Set([...own, ...room.authDifference(states)])
  if (rules.stateResolution === 'v2.1') for (const id of room.between(own)) full.add(id)
  const power = room.withCited(
    [...full].filter((id) => room.isPower(id)),
    full,
  )
  const state = new Map(rules.stateResolution === 'v2.1' ? [] : shared)
  room.apply(state, room.sortByPower(power))
  const levels = state.get(stateMapKey('m.room.power_levels', ''))
  room.apply(
    state,
    room.sortByMainline(
      [...full].filter((id) => !power.has(id)),
      levels,
    ),
  )
  for (const [key, id] of shared) state.set(key, id)
  return state
}

class PlainRoom {
  readonly #rules: RoomVersionRules
  readonly #get: Get

  constructor(rules: RoomVersionRules, get: Get) {
    this.#rules = rules
    this.#get = get
  }

  #auth(id: EventId): EventId[] {
    const event = this.#get(id)
    return event === undefined ? [] : authEventIds(event.pdu)
  }

  #chain(starts: Iterable<EventId>): Set<EventId> {
    const found = new Set<EventId>()
    const open = [...starts].flatMap((id) => this.#auth(id))
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (found.has(id)) continue
      found.add(id)
      open.push(...this.#auth(id))
    }
    return found
  }

  authDifference(states: readonly StateMap[]): EventId[] {
    const chains = states.map((state) => this.#chain(state.values()))
    const all = new Set(chains.flatMap((chain) => [...chain]))
    return [...all].filter((id) => this.#get(id) !== undefined && !chains.every((chain) => chain.has(id)))
  }

  /** What stands on a path of citations between two of these. */
  between(ids: ReadonlySet<EventId>): EventId[] {
    return [...this.#chain(ids)].filter((id) => [...this.#chain([id])].some((one) => ids.has(one)))
  }

  isPower(id: EventId): boolean {
    const pdu = this.#get(id)?.pdu
    if (pdu?.state_key === undefined) return false
    if (pdu.type === 'm.room.power_levels' || pdu.type === 'm.room.join_rules') return true
    const isRemoval = pdu.content.membership === 'leave' || pdu.content.membership === 'ban'
    return pdu.type === 'm.room.member' && isRemoval && pdu.sender !== pdu.state_key
  }

  withCited(ids: readonly EventId[], among: ReadonlySet<EventId>): Set<EventId> {
    const found = new Set<EventId>()
    const open = [...ids]
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (!among.has(id) || found.has(id)) continue
      found.add(id)
      open.push(...this.#auth(id))
    }
    return found
  }

  #cited(id: EventId) {
    const event = this.#get(id)
    const named = this.#rules.roomIdIsCreateHash && event?.pdu.room_id ? [createEventIdOf(event.pdu.room_id)] : []
    const cited = [...this.#auth(id), ...named].map((one) => this.#get(one))
    return (type: string, stateKey: string) =>
      cited.find((one) => one?.pdu.type === type && one.pdu.state_key === stateKey && !one.rejected)?.pdu
  }

  apply(state: Map<string, EventId>, ids: readonly EventId[]): void {
    for (const id of ids) {
      const event = this.#get(id)
      if (event?.pdu.state_key === undefined) continue
      const verdict = checkAuth(this.#rules, event.pdu, (type, stateKey) => {
        const standing = state.get(stateMapKey(type, stateKey))
        return standing === undefined ? this.#cited(id)(type, stateKey) : this.#get(standing)?.pdu
      })
      if (verdict.allowed) state.set(stateMapKey(event.pdu.type, event.pdu.state_key), id)
    }
  }

  #order(ids: readonly EventId[], rankOf: (id: EventId) => number): EventId[] {
    const sentAt = (id: EventId) => this.#get(id)?.pdu.origin_server_ts ?? 0
    return ids.toSorted((a, b) => rankOf(b) - rankOf(a) || sentAt(a) - sentAt(b) || (a < b ? -1 : 1))
  }

  sortByPower(ids: ReadonlySet<EventId>): EventId[] {
    const powerIn = (id: EventId) => powerOf(this.#cited(id), this.#rules, this.#get(id)?.pdu.sender ?? '')
    const sorted: EventId[] = []
    const left = new Set(ids)
    while (left.size > 0) {
      const [next] = this.#order(
        [...left].filter((id) => !this.#auth(id).some((one) => left.has(one))),
        powerIn,
      )
      if (next === undefined) break
      sorted.push(next)
      left.delete(next)
    }
    return sorted
  }

  #levelsBehind(id: EventId): EventId | undefined {
    return this.#auth(id).find((one) => {
      const pdu = this.#get(one)?.pdu
      return pdu?.type === 'm.room.power_levels' && pdu.state_key === ''
    })
  }

  sortByMainline(ids: readonly EventId[], levels: EventId | undefined): EventId[] {
    const line: EventId[] = []
    for (let id = levels; id !== undefined; id = this.#levelsBehind(id)) line.push(id)
    // Far from every number that stands for a place on the line.
    const nowhere = 1e9
    const position = (start: EventId): number => {
      for (let id = this.#levelsBehind(start); id !== undefined; id = this.#levelsBehind(id)) {
        if (line.includes(id)) return line.indexOf(id)
      }
      return nowhere
    }
    return this.#order(ids, position)
  }
}
