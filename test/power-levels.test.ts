import assert from 'node:assert/strict'
import { test } from 'node:test'
import { act, createRoom, errorOf, getState, publicRoom, send, setState, statePath } from './helpers/rooms.ts'
import { createTestServer } from './helpers/server.ts'

test('levels that a room version cannot read are a fault of the request', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  for (const version of ['1', '6', '9', '10', '11', '12']) {
    const roomId = await createRoom(alice, { room_version: version })
    const levels = await getState(alice, roomId, 'm.room.power_levels')
    const put = (content: object, status = 400) =>
      errorOf(alice, 'PUT', statePath(roomId, 'm.room.power_levels'), { ...levels, ...content }, status)
    for (const odd of [{ ban: 'high' }, { ban: null }, { users: [] }, { events: { 'm.x': {} } }, { users: 5 }]) {
      assert.equal(await put(odd), 'M_BAD_JSON', `${version} ${JSON.stringify(odd)}`)
    }
    assert.equal(
      await put({ ban: '50' }, Number(version) < 10 ? 200 : 400),
      Number(version) < 10 ? undefined : 'M_BAD_JSON',
    )
    assert.equal(await put({ users: { ...Object(levels.users), bob: 5 } }), 'M_INVALID_PARAM')
    await put({}, 200)
  }
})

test('version 12: creators are named nowhere in users, and stand above all who are', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [bob, carol], { creation_content: { additional_creators: [bob.userId] } })
  const levels = await getState(alice, roomId, 'm.room.power_levels')
  assert.equal((levels.events as Record<string, number>)['m.room.tombstone'], 150)
  for (const creator of [alice, bob]) {
    const body = { ...levels, users: { [creator.userId]: 100 } }
    assert.equal(await errorOf(alice, 'PUT', statePath(roomId, 'm.room.power_levels'), body, 400), 'M_INVALID_PARAM')
  }
  const highest = Number.MAX_SAFE_INTEGER
  await setState(bob, roomId, 'm.room.power_levels', { ...levels, users: { [carol.userId]: highest }, ban: highest })
  for (const creator of [alice, bob]) {
    for (const action of ['kick', 'ban']) {
      assert.equal((await act(carol, roomId, action, { user_id: creator.userId }, 403)).errcode, 'M_FORBIDDEN')
    }
  }
  assert.equal(
    (await act(alice, roomId, 'kick', { user_id: bob.userId }, 403)).errcode,
    'M_FORBIDDEN',
    'creators are equals',
  )
  await act(bob, roomId, 'ban', { user_id: carol.userId })
})

test('version 11: a creator is what the levels say', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob], { room_version: '11' })
  const levels = await getState(alice, roomId, 'm.room.power_levels')
  assert.deepEqual(levels.users, { [alice.userId]: 100 })
  await setState(alice, roomId, 'm.room.power_levels', { ...levels, users: { [alice.userId]: 50, [bob.userId]: 100 } })
  await act(bob, roomId, 'kick', { user_id: alice.userId })
})

test('empty levels leave the creator of an old room with nothing, and that of a new one with everything', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  for (const [version, status] of [
    ['11', 403],
    ['12', 200],
  ] as const) {
    const roomId = await publicRoom(alice, [bob], { room_version: version })
    await setState(alice, roomId, 'm.room.power_levels', {})
    await send(bob, roomId, 'messages need no level')
    for (const [path, body] of [
      [statePath(roomId, 'm.room.name'), { name: 'x' }],
      [statePath(roomId, 'm.room.power_levels'), { users: { '@x:localhost': 5 } }],
    ] as const) {
      assert.equal(await errorOf(bob, 'PUT', path, body, 403), 'M_FORBIDDEN')
      assert.equal(await errorOf(alice, 'PUT', path, body, status), status === 403 ? 'M_FORBIDDEN' : undefined)
    }
  }
})
