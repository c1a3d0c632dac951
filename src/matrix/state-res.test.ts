import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { splitMaps } from '../../test/helpers/plain-state-res.ts'
import {
  alice,
  bob,
  carol,
  createEvent,
  joinRules,
  member,
  type PduDraft,
  pdu,
  powerLevels,
  rulesOf,
} from '../../test/helpers/room-events.ts'
import { type Act, SimulatedRoom } from '../../test/helpers/room-simulation.ts'
import type { EventId, RoomId } from './ids.ts'
import {
  ResolutionMemo,
  type ResolvableEvent,
  resolveConflicts,
  resolveState,
  type StateMap,
  stateMapKey,
} from './state-res.ts'

describe('resolution in version 1', () => {
  const rules = rulesOf(1)
  const events = new Map<EventId, ResolvableEvent>()
  function add(id: string, event: ResolvableEvent['pdu'], draft: PduDraft = {}): EventId {
    const eventId = id as EventId
    events.set(eventId, { eventId, pdu: { ...event, ...draft } })
    return eventId
  }
  const stateOf = (...ids: EventId[]): StateMap =>
    new Map(ids.map((id) => [stateMapKey(events.get(id)!.pdu.type, events.get(id)!.pdu.state_key ?? ''), id]))
  const winner = (type: string, stateKey: string, ...states: StateMap[]): string | undefined =>
    resolveState(rules, states, (id) => events.get(id)).get(stateMapKey(type, stateKey))
  const bySha1 = (...ids: EventId[]): EventId[] =>
    ids.sort((a, b) =>
      createHash('sha1').update(a).digest('hex') < createHash('sha1').update(b).digest('hex') ? -1 : 1,
    )

  const create = add('$create:a.example', createEvent(rules))
  const aliceIn = add('$alice:a.example', member(alice, 'join'))
  const bobIn = add('$bob:a.example', member(bob, 'join'))
  const levels = add('$levels:a.example', powerLevels({ users: { [alice]: 100, [bob]: 50 } }))
  const base = [create, aliceIn, bobIn, levels]
  const topic = (id: string, depth: number, sender = alice): EventId =>
    add(id, pdu('m.room.topic', { state_key: '', sender, depth }))

  it('takes the deepest event that is allowed', () => {
    const [low, high] = [topic('$low:a', 5), topic('$high:a', 7)]
    const forbidden = topic('$forbidden:a', 9, '@stranger:x.example' as typeof alice)
    for (const order of [
      [low, high],
      [high, low],
      [low, high, forbidden],
    ]) {
      assert.equal(winner('m.room.topic', '', ...order.map((id) => stateOf(...base, id))), high)
    }
  })

  it('takes the least SHA-1 of equally deep events', () => {
    const topics = ['$1:a', '$2:a', '$3:a', '$4:a'].map((id) => topic(id, 5))
    assert.equal(winner('m.room.topic', '', ...topics.map((id) => stateOf(...base, id))), bySha1(...topics)[0])
  })

  it('follows power levels from the lowest on, as long as each allows the next', () => {
    const raised = add('$raised:a', powerLevels({ users: { [alice]: 100, [bob]: 100 } }), { depth: 12 })
    const usurped = add('$usurped:a', powerLevels({ users: { [bob]: 200 } }, bob), { depth: 14 })
    const later = add('$later:a', powerLevels({ users: { [alice]: 100, [bob]: 0 } }), { depth: 16 })
    const states = [levels, raised, usurped, later].map((id) => stateOf(create, aliceIn, bobIn, id))
    assert.equal(winner('m.room.power_levels', '', ...states), raised)
  })

  it('settles levels, then join rules, then members, then the rest', () => {
    const demoted = add('$demoted:a', powerLevels({ users: { [alice]: 100, [bob]: 0 } }), { depth: 20 })
    const opened = add('$opened:a', joinRules('public'), { sender: bob, depth: 30 })
    const closed = add('$closed:a', joinRules('invite'), { depth: 21 })
    const left = stateOf(create, aliceIn, bobIn, levels, opened)
    const right = stateOf(create, aliceIn, bobIn, demoted, closed)
    assert.equal(winner('m.room.join_rules', '', left, right), closed)
    const banned = add('$banned:a', member(bob, 'ban', { sender: alice }), { depth: 31 })
    const bobsTopic = topic('$bobs:a', 40, bob)
    const alices = topic('$alices:a', 35)
    const here = stateOf(create, aliceIn, bobIn, levels, bobsTopic)
    const there = stateOf(create, aliceIn, banned, levels, alices)
    assert.equal(winner('m.room.member', bob, here, there), banned)
    assert.equal(winner('m.room.topic', '', here, there), alices)
  })

  it('takes what only some states have', () => {
    const only = topic('$only:a', 5)
    assert.equal(winner('m.room.topic', '', stateOf(...base), stateOf(...base, only)), only)
  })
})

describe('resolution in versions 2 and later', () => {
  class Events extends Map<EventId, ResolvableEvent> {
    readonly rules
    readonly create: EventId
    constructor(version: number) {
      super()
      this.rules = rulesOf(version)
      this.create = this.add('create', createEvent(this.rules), [])
    }
    add(name: string, event: ResolvableEvent['pdu'], cites: EventId[], time = 1): EventId {
      const eventId = `$${name}` as EventId
      const isNew = this.rules.roomIdIsCreateHash && event.type !== 'm.room.create'
      const authEvents = this.rules.roomIdIsCreateHash ? cites.filter((id) => id !== this.create) : cites
      const room = isNew ? { room_id: '!create' as RoomId } : {}
      this.set(eventId, { eventId, pdu: { ...event, ...room, auth_events: authEvents, origin_server_ts: time } })
      return eventId
    }
    state(...ids: EventId[]): StateMap {
      return new Map(
        [this.create, ...ids].map((id) => {
          const { type, state_key: stateKey = '' } = this.get(id)!.pdu
          return [stateMapKey(type, stateKey), id]
        }),
      )
    }
    winner(type: string, stateKey: string, ...states: StateMap[]): string | undefined {
      return resolveState(this.rules, states, (id) => this.get(id)).get(stateMapKey(type, stateKey))
    }
  }

  it('lets a ban or a kick come before what the user did meanwhile', () => {
    for (const version of [2, 6, 10, 11, 12]) {
      for (const membership of ['ban', 'leave']) {
        const events = new Events(version)
        const { create } = events
        const aliceIn = events.add('alice', member(alice, 'join'), [create])
        const levels = events.add(
          'levels',
          powerLevels({ users: version < 12 ? { [alice]: 100, [bob]: 50 } : { [bob]: 50 } }),
          [create, aliceIn],
        )
        const open = events.add('open', joinRules('public'), [create, aliceIn, levels])
        const bobIn = events.add('bob', member(bob, 'join'), [create, levels, open])
        const old = events.add('old', pdu('m.room.topic', { state_key: '' }), [create, levels, aliceIn], 2)
        const topic = events.add(
          'topic',
          pdu('m.room.topic', { state_key: '', sender: bob }),
          [create, levels, bobIn],
          3,
        )
        const gone = events.add('gone', member(bob, membership, { sender: alice }), [create, levels, aliceIn, bobIn], 4)
        const here = events.state(aliceIn, levels, open, bobIn, topic)
        const there = events.state(aliceIn, levels, open, gone, old)
        assert.equal(events.winner('m.room.member', bob, here, there), gone, `${version} ${membership}`)
        assert.equal(events.winner('m.room.topic', '', here, there), old, `${version} ${membership}`)
      }
    }
  })

  it('follows a line of power levels through what all states share, from version 12 on', () => {
    for (const version of [11, 12]) {
      const events = new Events(version)
      const { create } = events
      const own = version < 12 ? { [alice]: 100 } : {}
      const aliceIn = events.add('alice', member(alice, 'join'), [create])
      const first = events.add('first', powerLevels({ users: { ...own, [bob]: 100 } }), [create, aliceIn], 2)
      const open = events.add('open', joinRules('public'), [create, aliceIn, first], 3)
      const bobIn = events.add('bob', member(bob, 'join'), [create, first, open], 4)
      const carolIn = events.add('carol', member(carol, 'join'), [create, first, open], 5)
      const second = events.add(
        'second',
        powerLevels({ users: { ...own, [bob]: 100, [carol]: 100 } }, bob),
        [create, first, bobIn],
        6,
      )
      const third = events.add(
        'third',
        powerLevels({ users: { ...own, [bob]: 100, [carol]: 100 }, ban: 60 }, carol),
        [create, second, carolIn],
        7,
      )
      const shared = events.add('shared', pdu('m.room.topic', { state_key: '' }), [create, second, aliceIn], 8)
      const reset = events.state(aliceIn, first, open, bobIn, carolIn, shared)
      const right = events.state(aliceIn, third, open, bobIn, carolIn, shared)
      assert.equal(events.winner('m.room.power_levels', '', reset, right), version < 12 ? first : third)
    }
  })

  it('does not fall back on auth events that were rejected', () => {
    const events = new Events(11)
    const { create } = events
    const aliceIn = events.add('alice', member(alice, 'join'), [create])
    const bobIn = events.add('bob', member(bob, 'join'), [create])
    const levels = events.add('levels', powerLevels({ users: { [bob]: 100 } }, bob), [create, bobIn])
    const topic = events.add('topic', pdu('m.room.topic', { state_key: '', sender: bob }), [create, bobIn, levels])
    const states = [events.state(aliceIn, topic), events.state(aliceIn)]
    assert.equal(events.winner('m.room.topic', '', ...states), topic)
    for (const id of [levels, bobIn]) events.set(id, { ...events.get(id)!, rejected: true })
    assert.equal(events.winner('m.room.topic', '', ...states), undefined)
  })
})

describe('resolveState', () => {
  const topic = (actor: number, back: number): Act => ({
    actor,
    kind: 'topic',
    target: 0,
    level: 0,
    after: [back],
    time: 3,
  })
  const room = new SimulatedRoom('12', [topic(0, 0), topic(0, 0), topic(0, 0), topic(1, 1)])

  it('says which conflicted event it misses', () => {
    const missing = [...room.leaves][0]
    const get = (id: EventId): ResolvableEvent | undefined => (id === missing ? undefined : room.get(id))
    assert.equal(room.states().length, 2)
    assert.throws(() => resolveState(room.rules, room.states(), get), /is missing/)
  })

  it('does not look at conflicts where there are none', () => {
    const [state] = room.states()
    const get = (): never => assert.fail('no event is needed')
    assert.deepEqual(new Map(resolveState(room.rules, [state!, new Map(state)], get)), new Map(state))
  })
})

describe('resolveConflicts', () => {
  it('makes way for others in large rooms', async () => {
    const rules = rulesOf(11)
    const events = new Map<EventId, ResolvableEvent>()
    const add = (id: string, event: ResolvableEvent['pdu'], ...cites: string[]): [string, EventId] => {
      const eventId = id as EventId
      events.set(eventId, { eventId, pdu: { ...event, auth_events: cites as EventId[] } })
      return [stateMapKey(event.type, event.state_key ?? ''), eventId]
    }
    const create = add('$create', createEvent(rules))
    const creator = add('$alice', member(alice, 'join'), '$create')
    const open = add('$open', joinRules('public'), '$create', '$alice')
    const users = Array.from({ length: 2000 }, (_, i) => `@user${i}:b.example`)
    const joins = users.map((user, i) => add(`$join${i}`, member(user, 'join'), '$create', '$open'))
    const left = new Map([create, creator, open, ...joins.slice(0, 1500)])
    const right = new Map([create, creator, open, ...joins.slice(500)])
    let pauses = 0
    const source = { loadEvents: async (ids: readonly EventId[]) => ids.flatMap((id) => events.get(id) ?? []) }
    const yieldNow = async () => {
      pauses++
    }
    const split = splitMaps(rules, [left, right])
    const resolved = await resolveConflicts(split, { rules, source, yieldNow, memo: new ResolutionMemo() })
    assert.equal(resolved.size, 1000)
    assert.ok(pauses > 50, `${pauses} pauses`)
  })
})
