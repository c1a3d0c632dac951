import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  alice,
  bob,
  carol,
  createEvent,
  member,
  type PduDraft,
  pdu,
  powerLevels,
  rulesOf,
} from '../../test/helpers/room-events.ts'
import type { Pdu } from './event.ts'
import type { EventId } from './ids.ts'
import { type StateMap, stateMapKey } from './state-map.ts'
import { fullConflictedSet, splitStates } from './state-res-conflicts.ts'
import type { Facts } from './state-res-memo.ts'
import { sortByMainline, sortByPower } from './state-res-ordering.ts'
import { EventPool, type ResolvableEvent, type Steps } from './state-res-pool.ts'

const rules = rulesOf(11)

/** Events by name, each citing others by their names. */
class Graph {
  readonly events = new Map<EventId, ResolvableEvent>()
  readonly pool: EventPool

  constructor(version = 11) {
    this.pool = new EventPool(rulesOf(version))
  }

  add(name: string, event: Pdu, cites: string[] = [], draft: PduDraft = {}): this {
    const eventId = `$${name}` as EventId
    this.events.set(eventId, {
      eventId,
      pdu: { ...event, ...draft, auth_events: cites.map((one) => `$${one}` as EventId) },
    })
    return this
  }

  list(...names: string[]): ResolvableEvent[] {
    return names.map((name) => this.events.get(`$${name}` as EventId)!)
  }

  state(...names: string[]): StateMap {
    return new Map(
      this.list(...names).map(({ eventId, pdu: one }) => [stateMapKey(one.type, one.state_key ?? ''), eventId]),
    )
  }

  *facts(...names: string[]): Steps<Facts[]> {
    const ids = names.map((name) => `$${name}` as EventId)
    yield* this.pool.loadFacts(ids)
    return ids.map((id) => this.pool.facts(id)!)
  }

  run<T>(make: (pool: EventPool) => Steps<T>): T {
    const steps = make(this.pool)
    for (;;) {
      const { done, value } = steps.next()
      if (done) return value
      for (const id of value.ids) this.pool.addEvent(id, this.events.get(id))
    }
  }
}

const names = (events: Iterable<{ eventId: EventId }>): string =>
  [...events].map(({ eventId }) => eventId.slice(1)).join(' ')
const state = (key: string, draft: PduDraft = {}): Pdu => pdu('org.example', { state_key: key, ...draft })

describe('sortByPower', () => {
  function order(graph: Graph, ...wanted: string[]): string {
    const sorted = graph.run(function* (pool) {
      const chosen = yield* graph.facts(...wanted)
      return yield* sortByPower(pool, new Map(chosen.map((facts) => [facts.eventId, facts])))
    })
    return names(sorted)
  }
  const base = (): Graph =>
    new Graph()
      .add('create', createEvent(rules))
      .add('levels', powerLevels({ users: { [alice]: 100, [bob]: 50 } }), ['create'])
      .add('weak', powerLevels({ users: { [alice]: 10, [bob]: 50 } }), ['create'])

  it('puts senders with more power first, by the levels that each event cites', () => {
    const graph = base()
      .add('a', state('a', { sender: carol, origin_server_ts: 1 }), ['create', 'levels'])
      .add('b', state('b', { sender: bob, origin_server_ts: 2 }), ['create', 'levels'])
      .add('c', state('c', { sender: alice, origin_server_ts: 3 }), ['create', 'levels'])
      .add('d', state('d', { sender: alice, origin_server_ts: 0 }), ['create', 'weak'])
    assert.equal(order(graph, 'a', 'b', 'c', 'd'), 'c b d a')
  })

  it('gives the creator 100 where no levels are cited', () => {
    const graph = base()
      .add('a', state('a', { sender: bob, origin_server_ts: 0 }), ['create', 'levels'])
      .add('b', state('b', { sender: alice, origin_server_ts: 9 }), ['create'])
    assert.equal(order(graph, 'a', 'b'), 'b a')
  })

  it('then goes by time, then by id', () => {
    const graph = base()
      .add('z', state('1', { origin_server_ts: 1 }), ['create', 'levels'])
      .add('y', state('2', { origin_server_ts: 2 }), ['create', 'levels'])
      .add('x', state('3', { origin_server_ts: 2 }), ['create', 'levels'])
    assert.equal(order(graph, 'x', 'y', 'z'), 'z x y')
  })

  it('puts what is cited before what cites it, whatever their power', () => {
    const graph = base()
      .add('low', member(carol, 'join', { origin_server_ts: 9 }), ['create', 'levels'])
      .add('high', state('h', { sender: alice, origin_server_ts: 0 }), ['create', 'levels', 'low'])
      .add('other', state('o', { sender: bob, origin_server_ts: 5 }), ['create', 'levels'])
    assert.equal(order(graph, 'high', 'low', 'other'), 'other low high')
  })

  it('gives creators of version 12 the most, by the room id', () => {
    const rules12 = rulesOf(12)
    const graph = new Graph(12)
      .add('create', createEvent(rules12, { additional_creators: [carol] }))
      .add('levels', powerLevels({ users: { [bob]: 9000 } }))
      .add('a', state('a', { sender: bob }), ['levels'], { room_id: '!create' as Pdu['room_id'] & string })
      .add('b', state('b', { sender: carol }), ['levels'], { room_id: '!create' as Pdu['room_id'] & string })
    assert.equal(order(graph, 'a', 'b'), 'b a')
  })
})

describe('sortByMainline', () => {
  const graph = new Graph()
    .add('p1', powerLevels({}))
    .add('p2', powerLevels({}), ['p1'])
    .add('p3', powerLevels({}), ['p2'])
    .add('side', powerLevels({}), ['p1'])
    .add('island', powerLevels({}))
    .add('on3', state('a', { origin_server_ts: 0 }), ['p3'])
    .add('on2', state('b', { origin_server_ts: 1 }), ['p2'])
    .add('on1', state('c', { origin_server_ts: 2 }), ['p1'])
    .add('onSide', state('d', { origin_server_ts: 3 }), ['side'])
    .add('onIsland', state('e', { origin_server_ts: 4 }), ['island'])
    .add('onNothing', state('f', { origin_server_ts: 5 }))
    .add('onNothing2', state('g', { origin_server_ts: 5 }))
  const all = ['on3', 'on2', 'on1', 'onSide', 'onIsland', 'onNothing2', 'onNothing']
  const order = (levels: string | undefined, ...wanted: string[]): string =>
    names(
      graph.run(function* (pool) {
        const levelsId = levels === undefined ? undefined : (`$${levels}` as EventId)
        return yield* sortByMainline(pool, levelsId, yield* graph.facts(...wanted))
      }),
    )

  it('puts what rests on older levels first, then goes by time and id', () => {
    assert.equal(order('p3', ...all), 'onIsland onNothing onNothing2 on1 onSide on2 on3')
    assert.equal(order('p3', ...all.toReversed()), 'onIsland onNothing onNothing2 on1 onSide on2 on3')
  })

  it('counts from the levels that were resolved', () => {
    assert.equal(order('p2', 'on3', 'on1', 'on2'), 'on1 on3 on2')
    assert.equal(order('side', 'on3', 'onSide'), 'on3 onSide')
  })

  it('goes by time alone without levels', () => {
    assert.equal(order(undefined, ...all), 'on3 on2 on1 onSide onIsland onNothing onNothing2')
  })
})

describe('the full conflicted set', () => {
  // create <- levels <- old <- (one | two), shared by both states: other, which cites only the levels.
  const graph = new Graph()
    .add('create', createEvent(rules))
    .add('levels', powerLevels({}), ['create'])
    .add('old', state('k'), ['levels'])
    .add('middle', state('m'), ['old'])
    .add('one', state('k'), ['middle'])
    .add('two', state('k'), ['levels'])
    .add('other', state('o'), ['levels'])
    .add('citesMiddle', state('p'), ['middle'])
  const conflicts = (states: StateMap[], withSubgraph: boolean): string[] =>
    graph.run(function* (pool) {
      const ids = yield* fullConflictedSet(pool, yield* splitStates(pool, states), withSubgraph)
      return [...ids].map((id) => id.slice(1)).sort()
    })

  it('has the conflicted events and the auth difference', () => {
    const states = [graph.state('create', 'one', 'other'), graph.state('create', 'two', 'other')]
    assert.deepEqual(conflicts(states, false), ['middle', 'old', 'one', 'two'])
  })

  it('leaves out what shared state rests on', () => {
    const states = [graph.state('create', 'one', 'citesMiddle'), graph.state('create', 'two', 'citesMiddle')]
    assert.deepEqual(conflicts(states, false), ['one', 'two'])
  })

  it('has the paths between conflicted events in version 2.1', () => {
    const states = [graph.state('create', 'one', 'citesMiddle'), graph.state('create', 'old', 'citesMiddle')]
    assert.deepEqual(conflicts(states, false), ['old', 'one'])
    assert.deepEqual(conflicts(states, true), ['middle', 'old', 'one'])
  })

  it('counts what only some states have as conflicted', () => {
    const states = [graph.state('create', 'other'), graph.state('create')]
    const split = graph.run((pool) => splitStates(pool, states))
    assert.deepEqual([...split.unconflicted.values()], ['$create'])
    assert.deepEqual(
      split.conflicted.map((entries) => [...entries.values()]),
      [['$other'], []],
    )
  })
})
