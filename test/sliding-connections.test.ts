import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import { testOnEngines } from './helpers/engines.ts'
import { temporaryFolder } from './helpers/program.ts'
import { createRoom, errorOf, publicRoom, send, setState } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import {
  elementExtensions,
  elementList,
  elementSubscription,
  type SlidingBody,
  sliding,
  slidingPath,
} from './helpers/sliding.ts'
import { bodiesOf } from './helpers/sync.ts'

const request = (last = 9) => ({ conn_id: 'room-list', lists: { all: elementList(last) } })

/** The error of a request that must fail with 400. */
const refused = (user: TestUser, pos: string, body: object = request()) =>
  errorOf(user, 'POST', `${slidingPath}?pos=${encodeURIComponent(pos)}`, body, 400)

testOnEngines('an answer that got lost comes again, whatever it changed', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const alice = await server.user('alice')
  const rooms = [await createRoom(alice, { name: 'a' }), await createRoom(alice, { name: 'b' })]
  const first = await sliding(alice, request(0))
  const lost = await sliding(alice, request(9), first.pos)
  assert.deepEqual(Object.keys(lost.rooms), [rooms[0]])
  const repeated = await sliding(alice, request(9), first.pos)
  assert.deepEqual(Object.keys(repeated.rooms), [rooms[0]])
  assert.equal(repeated.rooms[rooms[0] ?? '']?.initial, true)
  assert.deepEqual(
    repeated.rooms[rooms[0] ?? '']?.required_state,
    lost.rooms[rooms[0] ?? '']?.required_state.map((event, i) => ({
      ...event,
      unsigned: repeated.rooms[rooms[0] ?? '']?.required_state[i]?.unsigned ?? {},
    })),
  )
  assert.equal(await refused(alice, lost.pos), 'M_UNKNOWN_POS', 'the position of the answer that was not used')
  const next = await sliding(alice, request(9), repeated.pos)
  assert.deepEqual(next.rooms, {})
  // Other parameters with the same position: the answer in between counts as lost.
  const other = await sliding(
    alice,
    { ...request(9), room_subscriptions: { [rooms[1] ?? '']: elementSubscription } },
    next.pos,
  )
  assert.equal(other.rooms[rooms[1] ?? '']?.unstable_expanded_timeline, true)
  const without = await sliding(alice, request(9), next.pos)
  assert.deepEqual(without.rooms, {})
  await send(alice, rooms[0] ?? '', 'hello')
  const live = await sliding(alice, request(9), without.pos)
  assert.deepEqual(bodiesOf(live.rooms[rooms[0] ?? '']?.timeline), ['hello'])
  assert.deepEqual(bodiesOf((await sliding(alice, request(9), without.pos)).rooms[rooms[0] ?? '']?.timeline), ['hello'])
})

test('a restart changes nothing for a connection', async (t) => {
  const dataDir = temporaryFolder(t)
  const extensions = elementExtensions
  const all = { ...request(9), extensions }
  let alice: TestUser
  let old: string
  let room: string
  let first: SlidingBody
  let second: SlidingBody
  {
    await using server = await createTestServer({ dataDir })
    alice = await server.user('alice')
    old = await createRoom(alice, { name: 'old' })
    room = await createRoom(alice, { name: 'room' })
    first = await sliding(alice, { ...request(0), extensions })
    second = await sliding(alice, { ...all, room_subscriptions: { [room]: elementSubscription } }, first.pos)
    assert.deepEqual(Object.keys(second.rooms).sort(), [old, room].sort())
  }
  await using server = await createTestServer({ dataDir })
  const later = { ...alice, ...server.client.as(alice.accessToken), accessToken: alice.accessToken }
  const idle = await sliding(later, all, second.pos)
  assert.deepEqual(idle.rooms, {})
  assert.deepEqual(idle.extensions, {})
  await setState(later, room, 'm.room.pinned_events', { pinned: [] })
  await send(later, old, 'after the restart')
  const live = await sliding(later, all, idle.pos)
  assert.deepEqual(bodiesOf(live.rooms[old]?.timeline), ['after the restart'])
  const pinned = live.rooms[room]?.required_state.map(({ type }) => type)
  assert.ok(pinned?.includes('m.room.pinned_events'), 'the subscription still holds')
  // The last answer before the restart may have been lost.
  const again = await sliding(later, all, first.pos)
  assert.equal(again.rooms[old]?.initial, true)
})

test('positions of others, of other connections and of nobody begin anew', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  await publicRoom(alice, [bob])
  const first = await sliding(alice, request())
  const others = await sliding(bob, request())
  const phone = await server.login('alice', 'PHONE')
  assert.equal(await refused(alice, others.pos), 'M_UNKNOWN_POS')
  assert.equal(await refused(phone, first.pos), 'M_UNKNOWN_POS')
  assert.equal(await refused(alice, first.pos, { ...request(), conn_id: 'other' }), 'M_UNKNOWN_POS')
  for (const pos of ['x', 's1_1', 's1_1~999.1', `${first.pos}9`, 's1_1~1', `s${'9'.repeat(16)}_1~1.7`, 's1_1~1.1\0'])
    assert.equal(await refused(alice, pos), 'M_UNKNOWN_POS', pos)
  // A position ahead of the server, as after the database was restored, still works.
  const ahead = first.pos.replace(/^s\d+/, 's99999999')
  assert.deepEqual((await sliding(alice, request(), ahead)).rooms, {})
  const renewed = await sliding(alice, request())
  assert.equal(await refused(alice, first.pos), 'M_UNKNOWN_POS', 'a new connection replaces the one of its name')
  assert.deepEqual((await sliding(alice, request(), renewed.pos)).rooms, {})
})

test('connections of one device are apart from each other, and only so many', async () => {
  const clock = createTestClock()
  await using server = await createTestServer({ clock })
  const alice = await server.user('alice')
  const room = await createRoom(alice)
  const encryption = { conn_id: 'encryption', extensions: { e2ee: { enabled: true }, to_device: { enabled: true } } }
  const list = await sliding(alice, request())
  const keys = await sliding(alice, encryption)
  assert.deepEqual(keys.rooms, {})
  await send(alice, room, 'x')
  assert.deepEqual((await sliding(alice, encryption, keys.pos)).rooms, {})
  const live = await sliding(alice, request(), list.pos)
  assert.deepEqual(Object.keys(live.rooms), [room])
  const positions: string[] = []
  clock.advance(1)
  for (let i = 0; i < 16; i++) positions.push((await sliding(alice, { ...request(), conn_id: `c${i}` })).pos)
  assert.equal(await refused(alice, live.pos), 'M_UNKNOWN_POS', 'the one that was not used for longest')
  const kept = await sliding(alice, { ...request(), conn_id: 'c15' }, positions[15])
  assert.deepEqual(kept.rooms, {})
  await rows(server, 16)
})

test('what nobody uses any more goes', async () => {
  const clock = createTestClock()
  await using server = await createTestServer({ clock })
  const alice = await server.user('alice')
  const phone = await server.login('alice', 'PHONE')
  await createRoom(alice)
  const used = await sliding(alice, request())
  await sliding(alice, { ...request(), conn_id: 'unused' })
  await sliding(phone, request())
  await rows(server, 3)
  await phone.post('/_matrix/client/v3/logout')
  await rows(server, 2)
  clock.advance(20 * 24 * 3_600_000)
  await sliding(alice, request(), used.pos)
  clock.advance(15 * 24 * 3_600_000)
  await server.context.sync.sliding.expire()
  await rows(server, 1)
  assert.deepEqual((await sliding(alice, request(), used.pos)).rooms, {})
})

/** How many connections are stored, none without the rooms that it was sent. */
async function rows({ context }: TestServer, expected: number) {
  const [connections, orphans] = await context.db.read(async (reader) => [
    await reader.qb.selectFrom('sliding_connections').select('conn_nid').execute(),
    await reader.qb
      .selectFrom('sliding_rooms')
      .select('room_nid')
      .where('conn_nid', 'not in', (eb) => eb.selectFrom('sliding_connections').select('conn_nid'))
      .execute(),
  ])
  assert.equal(connections?.length, expected)
  assert.deepEqual(orphans, [])
}

test('two requests at once from one position leave one of them good', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const room = await createRoom(alice)
  const first = await sliding(alice, request(0))
  await createRoom(alice)
  const both = await Promise.all([sliding(alice, request(9), first.pos), sliding(alice, request(9), first.pos)])
  const results = await Promise.allSettled(both.map(({ pos }) => sliding(alice, request(9), pos)))
  assert.ok(results.some(({ status }) => status === 'fulfilled'))
  for (const result of results) if (result.status === 'fulfilled') assert.deepEqual(result.value.rooms, {})
  await send(alice, room, 'still alive')
  const good = results.find((result) => result.status === 'fulfilled')
  const live = await sliding(alice, request(9), good?.value.pos)
  assert.deepEqual(bodiesOf(live.rooms[room]?.timeline), ['still alive'])
})
