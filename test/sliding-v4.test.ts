import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { at } from './helpers/client.ts'
import { act, createRoom, errorOf, publicRoom, send, setState } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { elementList, type SlidingBody, slidingPath, stateNames, v4Path } from './helpers/sliding.ts'
import { bodiesOf } from './helpers/sync.ts'

let server: TestServer
let alice: TestUser
before(async () => {
  server = await createTestServer()
  alice = await server.user('alice')
})
after(() => server.stop())

const v4 = (user: TestUser, body: object) => user.post<SlidingBody>(v4Path, body)
const everything = { include: [{}], lazy_members: true }
const list = (more: object = {}) => ({ range: [0, 9], timeline_limit: 5, required_state: everything, ...more })

test('the accepted dialect has everything in the body and its own names', async () => {
  const bob = await server.user('bob')
  const room = await publicRoom(bob, [alice], { name: 'Room' })
  await send(bob, room, 'hello')
  const first = await v4(alice, { conn_id: 'main', lists: { all: list() } })
  const shown = first.rooms[room]
  assert.equal(first.lists.all?.count, 1)
  assert.equal(shown?.membership, 'join')
  assert.equal(shown?.initial, true)
  assert.deepEqual(shown?.lists, ['all'])
  assert.equal(bodiesOf(shown?.timeline_events).at(-1), 'hello')
  assert.deepEqual([shown?.timeline, shown?.notification_count, shown?.invite_state], [undefined, undefined, undefined])
  assert.ok(stateNames(shown?.required_state).includes('m.room.create'))
  await setState(bob, room, 'm.room.name', {})
  const second = await v4(alice, { conn_id: 'main', pos: first.pos, timeout: 0, lists: { all: list() } })
  assert.equal(second.rooms[room]?.name, null)
  const wider = { lists: { all: list({ timeline_limit: 20 }) } }
  const third = await v4(alice, { conn_id: 'main', pos: second.pos, ...wider })
  assert.equal(third.rooms[room]?.expanded_timeline, true)
  assert.equal(third.rooms[room]?.limited, false, 'the whole history')
  const path = at`/_matrix/client/v3/rooms/${room}/messages`
  const { chunk } = await alice.get<{ chunk: object[] }>(path, { dir: 'f', from: first.pos })
  assert.equal(chunk.length, 1, 'a position is a token like others')
})

test('state is included and excluded, and lists without a range hold all rooms', async () => {
  const user = await server.user('carol')
  const rooms = [await createRoom(user, { name: 'a' }), await createRoom(user, { name: 'b' })]
  const answer = await v4(user, {
    lists: {
      all: {
        timeline_limit: 0,
        required_state: { include: [{}], exclude: [{ type: 'm.room.create' }, { state_key: user.userId }] },
      },
    },
  })
  assert.deepEqual(Object.keys(answer.rooms).sort(), [...rooms].sort())
  const names = stateNames(answer.rooms[rooms[0] ?? '']?.required_state)
  assert.ok(names.includes('m.room.name'))
  assert.ok(!names.includes('m.room.create') && !names.includes(`m.room.member ${user.userId}`))
})

test('invitations, knocks and what became of them carry stripped state', async () => {
  const user = await server.user('dora')
  const room = await createRoom(alice, { name: 'In?', invite: [user.userId] })
  const invites = { lists: { all: list({ filters: { is_invited: true } }) } }
  const first = await v4(user, invites)
  assert.equal(first.rooms[room]?.membership, 'invite')
  assert.ok(stateNames(first.rooms[room]?.stripped_state).includes('m.room.name'))
  const all = await v4(user, { pos: first.pos, lists: { all: list() } })
  await act(user, room, 'leave')
  await setState(alice, room, 'm.room.name', { name: 'Secret' })
  const second = await v4(user, { pos: all.pos, lists: { all: list() } })
  assert.equal(second.rooms[room]?.membership, 'leave')
  assert.deepEqual(stateNames(second.rooms[room]?.stripped_state), [`m.room.member ${user.userId}`])
})

test('a subscription holds for the request that names it', async () => {
  const user = await server.user('erin')
  const room = await createRoom(user)
  const subscriptions = { [room]: { timeline_limit: 5, required_state: {} } }
  const first = await v4(user, { room_subscriptions: subscriptions })
  assert.deepEqual(Object.keys(first.rooms), [room])
  assert.equal(first.rooms[room]?.lists, undefined)
  await send(user, room, 'missed')
  const without = await v4(user, { pos: first.pos })
  assert.deepEqual(without.rooms, {})
  const again = await v4(user, { pos: without.pos, room_subscriptions: subscriptions })
  assert.deepEqual(bodiesOf(again.rooms[room]?.timeline_events), ['missed'])
})

test('typing answers under the name that it is asked by', async () => {
  const user = await server.user('frank')
  const room = await publicRoom(user, [alice])
  await alice.put(at`/_matrix/client/v3/rooms/${room}/typing/${alice.userId}`, { typing: true, timeout: 30_000 })
  for (const name of ['typing', 'org.matrix.msc4508.typing']) {
    const answer = await v4(user, { lists: { all: list() }, extensions: { [name]: { enabled: true } } })
    assert.deepEqual(Object.keys(answer.extensions), [name])
  }
})

test('wrong requests are refused with the specified codes', async () => {
  const config = { timeline_limit: 1, required_state: {} }
  const many = (n: number, key: (i: number) => string) =>
    Object.fromEntries(Array.from({ length: n }, (_, i) => [key(i), config]))
  const lists = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`l${i}`, elementList(1)]))
  const cases: [string, object, string][] = [
    [v4Path, { lists: many(101, (i) => `l${i}`) }, 'M_INVALID_PARAM'],
    [v4Path, { room_subscriptions: many(101, (i) => `!r${i}:x`) }, 'M_INVALID_PARAM'],
    [v4Path, { lists: many(1, () => 'ä b') }, 'M_INVALID_PARAM'],
    [v4Path, { set_presence: 'asleep' }, 'M_INVALID_PARAM'],
    [v4Path, { conn_id: 'x'.repeat(256) }, 'M_INVALID_PARAM'],
    [v4Path, { pos: 'nothing' }, 'M_UNKNOWN_POS'],
    [v4Path, { lists: { a: { required_state: {} } } }, 'M_MISSING_PARAM'],
    [v4Path, { lists: { a: { ...config, range: [0] } } }, 'M_BAD_JSON'],
    [v4Path, { lists: { a: { ...config, range: [-1, 2] } } }, 'M_BAD_JSON'],
    [v4Path, { lists: [] }, 'M_BAD_JSON'],
    [slidingPath, { lists: lists(101) }, 'M_INVALID_PARAM'],
    [slidingPath, { lists: { a: { ...elementList(1), timeline_limit: -1 } } }, 'M_BAD_JSON'],
    [slidingPath, { lists: { a: { ...elementList(1), timeline_limit: 1.5 } } }, 'M_BAD_JSON'],
    [slidingPath, { lists: { a: { ...elementList(1), required_state: [['a']] } } }, 'M_BAD_JSON'],
    [slidingPath, { lists: { a: { ...elementList(1), filters: { is_dm: 'yes' } } } }, 'M_BAD_JSON'],
    [`${slidingPath}?set_presence=asleep`, {}, 'M_INVALID_PARAM'],
    [`${slidingPath}?timeout=-1`, {}, 'M_INVALID_PARAM'],
  ]
  for (const [path, body, code] of cases)
    assert.equal(await errorOf(alice, 'POST', path, body, 400), code, JSON.stringify(body).slice(0, 100))
  await server.client.request('POST', slidingPath, { body: {}, expect: 401 })
  const get = await alice.request('GET', slidingPath, { expect: 405 })
  assert.equal(get.body.errcode, 'M_UNRECOGNIZED')
})

test('odd but valid requests are answered', async () => {
  const odd: [string, object][] = [
    [slidingPath, {}],
    [slidingPath, { lists: {}, room_subscriptions: {}, extensions: {}, conn_id: null, txn_id: 'x', unknown: 1 }],
    [slidingPath, { lists: { a: {} } }],
    [slidingPath, { lists: { a: { ranges: [], timeline_limit: null, required_state: null, filters: null } } }],
    [
      slidingPath,
      { lists: { a: { ...elementList(1), ranges: [[5, 2]], include_heroes: true, sort: ['by_recency'] } } },
    ],
    [slidingPath, { lists: { a: { ...elementList(0), ranges: [[0, Number.MAX_SAFE_INTEGER]] } } }],
    [slidingPath, JSON.parse('{"lists": {"__proto__": {"ranges": [[0, 1]]}, "constructor": {"ranges": [[0, 1]]}}}')],
    [slidingPath, { lists: { a: { ...elementList(1), timeline_limit: 1_000_000_000_000 } } }],
    [
      slidingPath,
      { extensions: { unknown: { enabled: true }, typing: null, to_device: { enabled: false, since: 'x' } } },
    ],
    [v4Path, {}],
    [v4Path, { timeout: null, lists: null, extensions: null }],
  ]
  for (const [path, body] of odd) {
    const { pos } = await alice.post<SlidingBody>(path, body)
    assert.equal(typeof pos, 'string')
  }
  const all = await alice.post<SlidingBody>(slidingPath, { lists: { a: { slow_get_all_rooms: true } } })
  assert.equal(Object.keys(all.rooms).length, all.lists.a?.count)
  const answer = await alice.post<object>(slidingPath, { txn_id: 'x', lists: { a: elementList(1) } })
  assert.ok(!('txn_id' in answer), 'clients would stop to say what they want')
})

test('a request for a great deal of state costs no more than the state', async () => {
  const required_state = Array.from({ length: 20_000 }, (_, i) => ['net.example', `${i}`])
  const body = { lists: { a: { ...elementList(9), required_state } } }
  const first = await alice.post<SlidingBody>(slidingPath, body)
  assert.ok(Object.keys(first.rooms).length > 0)
  const again = await alice.post<SlidingBody>(`${slidingPath}?pos=${encodeURIComponent(first.pos)}`, body)
  assert.deepEqual(again.rooms, {})
})
