/** A room with branches that grows by random acts of its users, as honest servers would let it grow. */
import fc from 'fast-check'
import { authEventKeys, checkAuth } from '../../src/matrix/auth-rules.ts'
import type { JsonObject, Pdu } from '../../src/matrix/event.ts'
import { authEventIds, prevEventIds } from '../../src/matrix/event-references.ts'
import type { EventId, RoomId, UserId } from '../../src/matrix/ids.ts'
import type { RoomVersionRules } from '../../src/matrix/room-versions.ts'
import { type ResolvableEvent, resolveState, type StateMap, stateMapKey } from '../../src/matrix/state-res.ts'
import { alice, bob, carol, createEvent, createId, rulesOf } from './room-events.ts'

export const mallory = '@mallory:m.example' as UserId
const users = [alice, bob, carol, mallory]

/** One act: by whom, of what kind, upon whom, after which of the branches, at what claimed time. */
export interface Act {
  readonly actor: number
  readonly kind: (typeof kinds)[number]
  readonly target: number
  readonly level: number
  readonly after: readonly number[]
  readonly time: number
}

const kinds = ['join', 'leave', 'invite', 'kick', 'ban', 'topic', 'public', 'invite-only', 'levels'] as const

const act: fc.Arbitrary<Act> = fc.record({
  actor: fc.nat({ max: 3 }),
  kind: fc.constantFrom(...kinds),
  target: fc.nat({ max: 3 }),
  level: fc.constantFrom(0, 25, 50),
  after: fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 2 }),
  time: fc.nat({ max: 8 }),
})

export const acts: fc.Arbitrary<Act[]> = fc.array(act, { minLength: 5, maxLength: 25 })

export class SimulatedRoom {
  readonly rules: RoomVersionRules
  readonly events = new Map<EventId, ResolvableEvent>()
  readonly after = new Map<EventId, StateMap>()
  readonly leaves = new Set<EventId>()
  readonly #roomId: RoomId

  /** Alice's room, with everybody in it and bob as moderator; then whatever the acts do to it. */
  constructor(version: string, actions: readonly Act[] = []) {
    this.rules = rulesOf(version)
    this.#roomId = (this.rules.roomIdIsCreateHash ? '!create' : '!create:a.example') as RoomId
    this.#add(createId, { ...createEvent(this.rules), depth: 1, origin_server_ts: 0 })
    const levels = { users: this.rules.roomIdIsCreateHash ? { [bob]: 50 } : { [alice]: 100, [bob]: 50 } }
    this.#send(alice, 'm.room.member', alice, { membership: 'join' })
    this.#send(alice, 'm.room.power_levels', '', levels)
    this.#send(alice, 'm.room.join_rules', '', { join_rule: 'public' })
    for (const user of [bob, carol, mallory]) this.#send(user, 'm.room.member', user, { membership: 'join' })
    for (const one of actions) this.#do(one)
  }

  get = (id: EventId): ResolvableEvent | undefined => this.events.get(id)

  /** The states that the branches have led to. */
  states(): StateMap[] {
    return [...this.leaves].map((id) => this.stateAfter(id))
  }

  stateAfter(id: EventId): StateMap {
    const state = this.after.get(id)
    if (state === undefined) throw new Error(`no event ${id}`)
    return state
  }

  /** An event upon a state, with the auth events that belong to it; not checked and not added. */
  draft(
    state: StateMap,
    prev: readonly EventId[],
    sender: UserId,
    event: Pick<Pdu, 'type' | 'content' | 'state_key'>,
  ): Pdu {
    const subject = { ...event, sender }
    const authEvents = authEventKeys(subject, this.rules).flatMap(
      ([type, key]) => state.get(stateMapKey(type, key)) ?? [],
    )
    const depth = 1 + Math.max(...prev.map((id) => this.events.get(id)?.pdu.depth ?? 0))
    const references = { prev_events: [...prev], auth_events: authEvents }
    return { ...subject, ...references, depth, origin_server_ts: depth, room_id: this.#roomId }
  }

  /** Sends one event after another, as a server would that knows of no other branch; answers its id, or `prev` if it is refused. */
  send(prev: EventId, sender: UserId, type: string, content: JsonObject, stateKey = '', time?: number): EventId {
    const size = this.events.size
    this.#post([prev], this.stateAfter(prev), sender, { type, content, state_key: stateKey }, time)
    return this.events.size === size ? prev : ([...this.events.keys()].at(-1) ?? prev)
  }

  /** The content of a state event after an event. */
  contentOf(after: EventId, type: string, stateKey = ''): JsonObject {
    const id = this.stateAfter(after).get(stateMapKey(type, stateKey))
    return (id && this.events.get(id)?.pdu.content) ?? {}
  }

  #do({ actor, kind, target, level, after, time }: Act): void {
    const by = users[actor] ?? alice
    const upon = users[target] ?? alice
    const member = (who: UserId, membership: string): void =>
      this.#send(by, 'm.room.member', who, { membership }, after, time)
    switch (kind) {
      case 'topic':
        this.#send(by, 'm.room.topic', '', { topic: `${time}` }, after, time)
        break
      case 'public':
      case 'invite-only':
        this.#send(by, 'm.room.join_rules', '', { join_rule: kind === 'public' ? kind : 'invite' }, after, time)
        break
      case 'join':
        member(by, 'join')
        break
      case 'leave':
        // Alice stays and keeps her level, and mallory never gets one: that is what the properties are about.
        if (by !== alice) member(by, 'leave')
        break
      case 'levels':
        if (upon !== alice && upon !== mallory) this.#setLevel(by, upon, level, after, time)
        break
      case 'kick':
        // Nobody lifts mallory's bans, so that a ban by alice has to last.
        if (by !== upon && upon !== mallory) member(upon, 'leave')
        break
      case 'invite':
      case 'ban':
        if (by !== upon) member(upon, kind)
    }
  }

  #setLevel(by: UserId, upon: UserId, level: number, after: readonly number[], time: number): void {
    const current = this.#before(after).state.get(stateMapKey('m.room.power_levels', ''))
    const content = (current && this.events.get(current)?.pdu.content) ?? {}
    const levels = typeof content.users === 'object' && !Array.isArray(content.users) ? content.users : {}
    this.#send(by, 'm.room.power_levels', '', { ...content, users: { ...levels, [upon]: level } }, after, time)
  }

  #before(after: readonly number[]): { prev: EventId[]; state: StateMap } {
    const ids = [...this.events.keys()]
    // Branch off one of the last few events, so that there are several branches and none is forgotten for long.
    const prev = [...new Set(after.flatMap((back) => ids.at(-1 - Math.min(back, Math.max(ids.length - 8, 0))) ?? []))]
    const states = prev.map((id) => this.stateAfter(id))
    return { prev, state: resolveState(this.rules, states, this.get) }
  }

  #send(
    sender: UserId,
    type: string,
    stateKey: string,
    content: JsonObject,
    after: readonly number[] = [0],
    time?: number,
  ): void {
    const { prev, state } = this.#before(after)
    this.#post(prev, state, sender, { type, content, state_key: stateKey }, time)
  }

  #post(
    prev: EventId[],
    state: StateMap,
    sender: UserId,
    event: Pick<Pdu, 'type' | 'content' | 'state_key'>,
    time?: number,
  ): void {
    const pdu = this.draft(state, prev, sender, event)
    if (time !== undefined) pdu.origin_server_ts = time
    const look = (t: string, key: string): Pdu | undefined => {
      const id = state.get(stateMapKey(t, key))
      return id === undefined ? undefined : this.events.get(id)?.pdu
    }
    if (checkAuth(this.rules, pdu, look).allowed) this.#add(`$${this.events.size}` as EventId, pdu)
  }

  #add(eventId: EventId, pdu: Pdu): void {
    this.events.set(eventId, { eventId, pdu })
    this.after.set(eventId, this.stateBefore(pdu).set(stateMapKey(pdu.type, pdu.state_key ?? ''), eventId))
    for (const id of prevEventIds(pdu)) this.leaves.delete(id)
    this.leaves.add(eventId)
  }

  stateBefore(pdu: Pdu): Map<string, EventId> {
    const states = prevEventIds(pdu).map((id) => this.stateAfter(id))
    return new Map(states.length === 0 ? [] : resolveState(this.rules, states, this.get))
  }

  /** What another server makes of the same events when they arrive in this order (each when its parents are there). */
  replay(order: (waiting: ResolvableEvent[]) => ResolvableEvent): StateMap {
    const after = new Map<EventId, StateMap>()
    const rest = new Set(this.events.values())
    while (rest.size > 0) {
      const waiting = [...rest].filter(({ pdu }) =>
        [...prevEventIds(pdu), ...authEventIds(pdu)].every((id) => after.has(id)),
      )
      const next = order(waiting)
      rest.delete(next)
      const states = prevEventIds(next.pdu).flatMap((id) => after.get(id) ?? [])
      const state = new Map(states.length === 0 ? [] : resolveState(this.rules, states.reverse(), this.get))
      after.set(next.eventId, state.set(stateMapKey(next.pdu.type, next.pdu.state_key ?? ''), next.eventId))
    }
    return resolveState(
      this.rules,
      [...this.leaves].reverse().flatMap((id) => after.get(id) ?? []),
      this.get,
    )
  }
}
