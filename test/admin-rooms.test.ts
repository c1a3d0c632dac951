import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { act, createRoom, errorOf, membershipOf, publicRoom } from './helpers/rooms.ts'
import { createTestServer } from './helpers/server.ts'

const listPath = '/_synapse/admin/v1/rooms'
const joinPath = (room: string) => at`/_synapse/admin/v1/join/${room}`

interface Listed {
  rooms: Record<string, unknown>[]
  offset: number
  total_rooms: number
  next_batch?: number
  prev_batch?: number
}

for (const engine of engines) {
  test(`rooms are listed, sorted and searched (${engine})`, { skip: skipEngine(engine) }, async () => {
    await using server = await createTestServer({ engine })
    const [root, alice, bob] = [
      await server.user('root', { admin: true }),
      await server.user('alice'),
      await server.user('bob'),
    ]
    const hall = await publicRoom(alice, [bob], {
      name: 'Hall',
      topic: 'Of fame',
      room_alias_name: 'hall',
      visibility: 'public',
      room_version: '11',
      initial_state: [{ type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
    })
    const attic = await createRoom(alice, { name: 'attic', creation_content: { type: 'm.space', 'm.federate': false } })
    const nameless = await createRoom(bob)
    const ids = async (query: Record<string, string | number> = {}) =>
      (await root.get<Listed>(listPath, query)).rooms.map(({ room_id: id }) => id)
    assert.deepEqual(await ids(), [attic, hall, nameless])
    assert.deepEqual(await ids({ dir: 'b' }), [nameless, hall, attic])
    assert.equal((await ids({ order_by: 'joined_members' }))[0], hall)
    assert.equal((await ids({ order_by: 'joined_local_members' }))[0], hall)
    assert.equal((await ids({ order_by: 'version' })).at(-1), hall)
    assert.equal((await ids({ order_by: 'state_events' }))[0], hall)
    assert.equal((await ids({ order_by: 'canonical_alias' }))[0], hall)
    assert.deepEqual(await ids({ search_term: 'HAL' }), [hall])
    assert.deepEqual(await ids({ search_term: nameless }), [nameless])
    assert.deepEqual(await ids({ search_term: 'no such room' }), [])
    const page = await root.get<Listed>(listPath, { limit: 1, from: 1 })
    assert.deepEqual(
      [page.rooms[0]?.room_id, page.offset, page.total_rooms, page.next_batch, page.prev_batch],
      [hall, 1, 3, 2, 0],
    )
    const { state_events: count, ...seen } = page.rooms[0] ?? {}
    assert.ok(Number(count) >= 8)
    assert.deepEqual(seen, {
      room_id: hall,
      name: 'Hall',
      canonical_alias: '#hall:localhost',
      joined_members: 2,
      joined_local_members: 2,
      version: '11',
      creator: alice.userId,
      encryption: 'm.megolm.v1.aes-sha2',
      federatable: true,
      public: true,
      join_rules: 'public',
      guest_access: 'forbidden',
      history_visibility: 'shared',
      room_type: null,
    })
    const one = at`/_synapse/admin/v1/rooms/${attic}`
    const detail = await root.get(one)
    assert.deepEqual([detail.room_type, detail.federatable, detail.tombstoned], ['m.space', false, false])
    assert.deepEqual(await root.get(`${at`/_synapse/admin/v1/rooms/${hall}`}/members`), {
      members: [alice.userId, bob.userId],
      total: 2,
    })
    await act(alice, hall, 'upgrade', { new_version: '12' })
    assert.equal((await root.get(at`/_synapse/admin/v1/rooms/${hall}`)).tombstoned, true)
    assert.equal(
      await errorOf(root, 'GET', at`/_synapse/admin/v1/rooms/${'!x:localhost'}`, undefined, 404),
      'M_NOT_FOUND',
    )
    for (const query of ['limit=-1', 'from=x', 'order_by=shoe', 'dir=x']) {
      assert.equal(await errorOf(root, 'GET', `${listPath}?${query}`, undefined, 400), 'M_INVALID_PARAM')
    }
  })
}

test('administrators bring users into rooms that are open, or where they may invite', async () => {
  await using server = await createTestServer()
  const [root, alice, bob] = [
    await server.user('root', { admin: true }),
    await server.user('alice'),
    await server.user('bob'),
  ]
  const open = await publicRoom(alice, [], { room_alias_name: 'open' })
  assert.deepEqual(await root.post(joinPath('#open:localhost'), { user_id: bob.userId }), { room_id: open })
  assert.deepEqual(await root.post(joinPath(open), { user_id: bob.userId }), { room_id: open })
  const closed = await createRoom(alice)
  const fail = (room: string, userId: string, status: number) =>
    errorOf(root, 'POST', joinPath(room), { user_id: userId }, status)
  assert.equal(await fail(closed, bob.userId, 403), 'M_FORBIDDEN')
  await act(alice, closed, 'invite', { user_id: root.userId })
  await act(root, closed, 'join')
  await root.post(joinPath(closed), { user_id: bob.userId })
  assert.equal(await membershipOf(alice, closed, bob.userId), 'join')
  await act(alice, open, 'ban', { user_id: bob.userId })
  assert.equal(await fail(open, bob.userId, 403), 'M_FORBIDDEN')
  assert.equal(await fail('!x:localhost', bob.userId, 404), 'M_NOT_FOUND')
  assert.equal(await fail('#x:localhost', bob.userId, 404), 'M_NOT_FOUND')
  assert.equal(await fail(open, '@nobody:localhost', 404), 'M_NOT_FOUND')
  assert.equal(await fail(open, '@x:elsewhere.example', 400), 'M_INVALID_PARAM')
  for (const [method, path, body] of [
    ['GET', listPath, undefined],
    ['GET', at`/_synapse/admin/v1/rooms/${open}`, undefined],
    ['GET', `${at`/_synapse/admin/v1/rooms/${open}`}/members`, undefined],
    ['POST', joinPath(open), { user_id: alice.userId }],
  ] as const) {
    assert.equal(await errorOf(alice, method, path, body, 403), 'M_FORBIDDEN', path)
  }
})

test('administrators see the state and the aliases of any room, and are let into power by who has it', async () => {
  await using server = await createTestServer()
  const [root, alice, bob] = [
    await server.user('root', { admin: true }),
    await server.user('alice'),
    await server.user('bob'),
  ]
  for (const version of ['11', '12']) {
    const room = await createRoom(alice, { room_alias_name: `closed${version}`, room_version: version, name: 'Closed' })
    const { state } = await root.get<{ state: { type: string; content: object }[] }>(
      at`/_synapse/admin/v1/rooms/${room}/state`,
    )
    assert.deepEqual(state.find(({ type }) => type === 'm.room.name')?.content, { name: 'Closed' })
    assert.deepEqual(await root.get(at`/_matrix/client/v3/rooms/${room}/aliases`), {
      aliases: [`#closed${version}:localhost`],
    })
    const path = at`/_synapse/admin/v1/rooms/${`#closed${version}:localhost`}/make_room_admin`
    assert.deepEqual(await root.post(path, {}), {})
    await act(root, room, 'join')
    const { users } = await root.get<{ users: object }>(at`/_matrix/client/v3/rooms/${room}/state/m.room.power_levels/`)
    assert.equal(Reflect.get(users, root.userId), 100)
    await root.post(at`/_synapse/admin/v1/rooms/${room}/make_room_admin`, { user_id: bob.userId })
    assert.equal(await membershipOf(root, room, bob.userId), 'invite')
    assert.equal(await errorOf(bob, 'POST', path, {}, 403), 'M_FORBIDDEN')
  }
  const powerless = await publicRoom(alice, [bob], {
    power_level_content_override: { users: { [alice.userId]: 100 } },
    room_version: '11',
  })
  await act(alice, powerless, 'leave')
  assert.equal(
    await errorOf(root, 'POST', at`/_synapse/admin/v1/rooms/${powerless}/make_room_admin`, {}, 403),
    'M_FORBIDDEN',
  )
  assert.equal(
    await errorOf(root, 'POST', at`/_synapse/admin/v1/rooms/${'!x:localhost'}/make_room_admin`, {}, 404),
    'M_NOT_FOUND',
  )
  assert.equal(
    await errorOf(root, 'GET', at`/_synapse/admin/v1/rooms/${'!x:localhost'}/state`, undefined, 404),
    'M_NOT_FOUND',
  )
})

test('the version is for everybody to know', async () => {
  await using server = await createTestServer()
  const { server_version: version } = await server.client.get('/_synapse/admin/v1/server_version')
  assert.match(String(version), /^Ringback \d/)
})
