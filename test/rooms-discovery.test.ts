import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import {
  act,
  createRoom,
  errorOf,
  join,
  publicRoom,
  type SeenEvent,
  send,
  setState,
  timeline,
} from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const v1 = '/_matrix/client/v1'
const summaryPath = (id: string) => at`/_matrix/client/v1/room_summary/${id}`
const hierarchyPath = (id: string) => at`/_matrix/client/v1/rooms/${id}/hierarchy`
const jumpPath = (id: string) => at`/_matrix/client/v1/rooms/${id}/timestamp_to_event`

const space = { creation_content: { type: 'm.space' } }
const open = { preset: 'public_chat' }
const via = { via: ['localhost'] }

async function people(server: TestServer) {
  return [await server.user('alice'), await server.user('bob'), await server.user('carol')] as const
}

test('a summary tells what a room is, to those who may know', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = await people(server)
  const roomId = await publicRoom(alice, [bob], {
    name: 'Cheese',
    topic: 'Tasty',
    room_alias_name: 'cheese',
    initial_state: [
      { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
      { type: 'm.room.avatar', state_key: '', content: { url: 'mxc://localhost/avatar' } },
    ],
  })
  const expected = {
    room_id: roomId,
    num_joined_members: 2,
    world_readable: false,
    guest_can_join: false,
    join_rule: 'public',
    name: 'Cheese',
    topic: 'Tasty',
    canonical_alias: '#cheese:localhost',
    avatar_url: 'mxc://localhost/avatar',
    room_version: '12',
    encryption: 'm.megolm.v1.aes-sha2',
  }
  assert.deepEqual(await server.client.get(summaryPath(roomId)), expected)
  assert.deepEqual(await bob.get(summaryPath('#cheese:localhost')), { ...expected, membership: 'join' })
  assert.deepEqual(await carol.get(summaryPath(roomId)), { ...expected, membership: 'leave' })
  for (const path of [
    at`/_matrix/client/unstable/im.nheko.summary/summary/${roomId}`,
    at`/_matrix/client/unstable/im.nheko.summary/rooms/${roomId}/summary`,
  ]) {
    const summary = await carol.get(path)
    assert.equal(summary.room_version, '12')
    assert.equal(summary['im.nheko.summary.room_version'], '12')
    assert.equal(summary['im.nheko.summary.encryption'], 'm.megolm.v1.aes-sha2')
  }
  assert.equal(await errorOf(alice, 'GET', summaryPath('!unknown:localhost'), undefined, 404), 'M_NOT_FOUND')
  assert.equal(await errorOf(alice, 'GET', summaryPath('#unknown:localhost'), undefined, 404), 'M_NOT_FOUND')
  assert.equal(await errorOf(alice, 'GET', summaryPath('cheese'), undefined, 400), 'M_INVALID_PARAM')
  assert.equal((await server.client.request('GET', summaryPath(roomId), { accessToken: 'wrong' })).status, 401)
})

test('a summary is kept from strangers of private, restricted and left rooms', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = await people(server)
  const refused = (user: TestUser, id: string) => errorOf(user, 'GET', summaryPath(id), undefined, 404)
  const secret = await createRoom(alice, { invite: [bob.userId] })
  assert.equal((await bob.get(summaryPath(secret))).membership, 'invite')
  assert.equal(await refused(carol, secret), 'M_NOT_FOUND')
  assert.equal((await server.client.request('GET', summaryPath(secret), { expect: 404 })).body.errcode, 'M_NOT_FOUND')
  await act(bob, secret, 'leave')
  await refused(bob, secret)
  await setState(alice, secret, 'm.room.history_visibility', { history_visibility: 'world_readable' })
  assert.equal((await server.client.get(summaryPath(secret))).world_readable, true)

  const lobby = await createRoom(alice, {
    initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
  })
  assert.equal((await server.client.get(summaryPath(lobby))).join_rule, 'knock')
  await carol.post(at`/_matrix/client/v3/knock/${lobby}`)
  assert.equal((await carol.get(summaryPath(lobby))).membership, 'knock')

  const club = await publicRoom(alice, [bob])
  const allow = [{ type: 'm.room_membership', room_id: club }]
  const den = await createRoom(alice, {
    initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } }],
  })
  const seen = await bob.get(summaryPath(den))
  assert.deepEqual([seen.join_rule, seen.allowed_room_ids, seen.membership], ['restricted', [club], 'leave'])
  await refused(carol, den)

  await act(alice, club, 'ban', { user_id: bob.userId })
  assert.equal((await bob.get(summaryPath(club))).membership, 'ban')
  await refused(bob, den)
  assert.equal(await errorOf(bob, 'GET', hierarchyPath(club), undefined, 403), 'M_FORBIDDEN')
})

interface Hierarchy {
  rooms: { room_id: string; name?: string; room_type?: string; children_state: SeenEvent[] }[]
  next_batch?: string
}

const tree = (user: TestUser, roomId: string, query = {}) => user.get<Hierarchy>(hierarchyPath(roomId), query)
const namesOf = ({ rooms }: Hierarchy) => rooms.map(({ name }) => name)

/** root: [b (space): [b1, b2], a, root, gone, invalid ones], with orders, loops and rooms that are hidden. */
async function plant(alice: TestUser) {
  const make = (name: string, body: object = open) => createRoom(alice, { name, ...body })
  const adopt = (parent: string, child: string, content = {}) =>
    setState(alice, parent, 'm.space.child', { ...via, ...content }, child)
  const root = await make('root', { ...open, ...space })
  const b = await make('b', { ...open, ...space })
  const [a, b1, b2, c, hidden, below, plain] = [
    await make('a'),
    await make('b1'),
    await make('b2'),
    await make('c'),
    await make('hidden', { ...space }),
    await make('below'),
    await make('plain'),
  ]
  await adopt(root, a, { order: 'x' })
  await adopt(root, b, { order: 'b', suggested: true })
  await adopt(root, c, { order: 'y\u0007' })
  await adopt(root, plain, { order: 5 })
  await adopt(root, hidden, { order: 'a' })
  await adopt(root, root)
  await adopt(root, '!elsewhere:nowhere.example')
  await adopt(root, 'not a room')
  await setState(alice, root, 'm.space.child', {}, b1)
  await setState(alice, root, 'm.space.child', { via: 'localhost' }, b2)
  await adopt(hidden, below)
  await adopt(b, b1, { suggested: true })
  await adopt(b, b2)
  await adopt(b, root)
  await adopt(plain, below)
  return { root, a, b, b1, b2, c, hidden, below, plain }
}

test('a hierarchy is walked depth first, in the order of the children, each room once', async () => {
  await using server = await createTestServer()
  const [alice, bob] = await people(server)
  const rooms = await plant(alice)
  const { root } = rooms
  const all = await tree(bob, root)
  assert.deepEqual(namesOf(all), ['root', 'b', 'b1', 'b2', 'a', 'c', 'plain'])
  assert.equal(all.next_batch, undefined)
  const [first] = all.rooms
  assert.equal(first?.room_type, 'm.space')
  assert.deepEqual(
    first?.children_state.map(({ state_key: key }) => key),
    [rooms.hidden, rooms.b, rooms.a, rooms.c, rooms.plain, root, '!elsewhere:nowhere.example'],
  )
  assert.deepEqual(Object.keys(first?.children_state[0] ?? {}).sort(), [
    'content',
    'origin_server_ts',
    'sender',
    'state_key',
    'type',
  ])
  assert.deepEqual(all.rooms.at(-1)?.children_state, [])
  assert.deepEqual(namesOf(await tree(alice, root)), ['root', 'hidden', 'below', 'b', 'b1', 'b2', 'a', 'c', 'plain'])
  assert.deepEqual(namesOf(await tree(bob, root, { suggested_only: true })), ['root', 'b', 'b1'])
  assert.deepEqual(namesOf(await tree(bob, root, { max_depth: 1 })), ['root', 'b', 'a', 'c', 'plain'])
  const alone = await tree(bob, root, { max_depth: 0 })
  assert.deepEqual([namesOf(alone), alone.rooms[0]?.children_state.length], [['root'], 7])
  assert.equal((await tree(bob, rooms.plain)).rooms.length, 1)
  assert.equal(await errorOf(bob, 'GET', hierarchyPath(rooms.hidden), undefined, 403), 'M_FORBIDDEN')
  assert.equal(await errorOf(bob, 'GET', hierarchyPath('!unknown:localhost'), undefined, 403), 'M_FORBIDDEN')
})

test('a hierarchy comes in pages, whose tokens fit their own request only', async () => {
  await using server = await createTestServer()
  const [alice, bob] = await people(server)
  const { root, a } = await plant(alice)
  const found: (string | undefined)[] = []
  let from: string | undefined
  const tokens: string[] = []
  do {
    const page = await tree(bob, root, { limit: 2, from })
    found.push(...namesOf(page))
    from = page.next_batch
    if (from !== undefined) tokens.push(from)
  } while (from !== undefined)
  assert.deepEqual(found, ['root', 'b', 'b1', 'b2', 'a', 'c', 'plain'])
  const [second = '', , last = ''] = tokens
  const refuse = async (user: TestUser, roomId: string, query: Record<string, string | number | boolean>) => {
    const answer = await user.request('GET', hierarchyPath(roomId), { query, expect: 400 })
    assert.equal(answer.body.errcode, 'M_INVALID_PARAM')
  }
  await refuse(bob, root, { from: second, max_depth: 3 })
  await refuse(bob, root, { from: second, suggested_only: true })
  await refuse(alice, root, { from: second })
  await refuse(bob, a, { from: second })
  await refuse(bob, root, { from: 'made up' })
  await refuse(bob, root, { from: second.replace('h2', 'h3') })
  await refuse(bob, root, { limit: 0 })
  await refuse(bob, root, { max_depth: -1 })
  await setState(alice, root, 'm.space.child', {}, a)
  assert.deepEqual(namesOf(await tree(bob, root, { from: last, limit: 2 })), ['plain'])
})

test('a hierarchy shows restricted rooms to those who may join them', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = await people(server)
  const root = await publicRoom(alice, [bob], space)
  const allow = [{ type: 'm.room_membership', room_id: root }]
  const den = await createRoom(alice, {
    initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } }],
  })
  await setState(alice, root, 'm.space.child', via, den)
  const ids = async (user: TestUser) => (await tree(user, root)).rooms.map(({ room_id: id }) => id)
  assert.deepEqual(await ids(bob), [root, den])
  assert.deepEqual(await ids(carol), [root])
  await act(alice, den, 'invite', { user_id: carol.userId })
  assert.deepEqual(await ids(carol), [root, den])
})

const jump = (user: TestUser, roomId: string, ts: number, dir: string) =>
  user.get<{ event_id: string; origin_server_ts: number }>(jumpPath(roomId), { ts, dir })

test('the event next to a time is found in both directions, among those that are visible', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = await people(server)
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  await setState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
  await send(alice, roomId, 'before bob')
  await join(bob, roomId)
  await send(alice, roomId, 'after bob')
  const events = (
    await alice.get<{ chunk: (SeenEvent & { origin_server_ts: number })[] }>(
      at`/_matrix/client/v3/rooms/${roomId}/messages`,
      { dir: 'f', limit: 100 },
    )
  ).chunk
  const [first, last] = [events[0], events.at(-1)]
  assert.ok(first && last)
  assert.deepEqual(await jump(alice, roomId, 0, 'f'), {
    event_id: first.event_id,
    origin_server_ts: first.origin_server_ts,
  })
  assert.equal((await jump(alice, roomId, last.origin_server_ts + 1000, 'b')).event_id, last.event_id)
  for (const event of events) {
    const ts = event.origin_server_ts
    const forward = await jump(alice, roomId, ts, 'f')
    assert.equal(forward.event_id, events.find(({ origin_server_ts: other }) => other === ts)?.event_id)
    const backward = await jump(alice, roomId, ts, 'b')
    assert.equal(backward.event_id, events.findLast(({ origin_server_ts: other }) => other === ts)?.event_id)
  }
  const [oldest] = await timeline(bob, roomId)
  assert.equal((await jump(bob, roomId, 0, 'f')).event_id, oldest?.event_id)
  const failing = (user: TestUser, query: object, status: number) =>
    user.request('GET', jumpPath(roomId), { query: query as Record<string, string>, expect: status })
  assert.equal((await failing(alice, { ts: 0, dir: 'b' }, 404)).body.errcode, 'M_NOT_FOUND')
  assert.equal((await failing(alice, { ts: last.origin_server_ts + 1, dir: 'f' }, 404)).body.errcode, 'M_NOT_FOUND')
  assert.equal((await failing(carol, { ts: 0, dir: 'f' }, 403)).body.errcode, 'M_FORBIDDEN')
  assert.equal((await failing(alice, { dir: 'f' }, 400)).body.errcode, 'M_MISSING_PARAM')
  assert.equal((await failing(alice, { ts: 0, dir: 'up' }, 400)).body.errcode, 'M_INVALID_PARAM')
})

testOnEngines('mutual rooms are those where both are joined, in pages', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob, carol] = await people(server)
  const path = `${v1}/mutual_rooms`
  const mutual = (user: TestUser, query: Record<string, string | undefined>) =>
    user.get<{ joined: string[]; count: number; next_batch?: string }>(path, query)
  assert.deepEqual(await mutual(alice, { user_id: bob.userId }), { joined: [], count: 0 })
  const rooms: string[] = []
  for (let i = 0; i < 43; i += 1) rooms.push(await createRoom(alice, { preset: 'public_chat' }))
  const shared = rooms.slice(0, 41)
  for (const roomId of shared) await join(bob, roomId)
  await act(alice, rooms[41] ?? '', 'invite', { user_id: bob.userId })
  await join(carol, rooms[42] ?? '')
  const first = await mutual(alice, { user_id: bob.userId })
  assert.deepEqual([first.joined.length, first.count], [40, 41])
  const second = await mutual(alice, { user_id: bob.userId, from: first.next_batch })
  assert.equal(second.next_batch, undefined)
  assert.deepEqual([...first.joined, ...second.joined].sort(), shared.sort())
  const unstable = '/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms'
  const old = await alice.get(unstable, { user_id: bob.userId, batch_token: first.next_batch })
  assert.deepEqual(old.joined, second.joined)
  assert.ok((await alice.get(unstable, { user_id: bob.userId })).next_batch_token)
  assert.deepEqual((await mutual(alice, { user_id: '@nobody:localhost' })).joined, [])
  for (const query of [{ user_id: alice.userId }, { user_id: 'bob' }, { user_id: bob.userId, from: 'x' }]) {
    const { body } = await alice.request('GET', path, { query, expect: 400 })
    assert.equal(body.errcode, 'M_INVALID_PARAM')
  }
  assert.equal(await errorOf(alice, 'GET', path, undefined, 400), 'M_MISSING_PARAM')
})
