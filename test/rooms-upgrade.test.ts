import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import {
  act,
  allState,
  createRoom,
  errorOf,
  getState,
  join,
  membershipOf,
  publicRoom,
  send,
  setState,
  timeline,
} from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

const upgradePath = (roomId: string) => at`/_matrix/client/v3/rooms/${roomId}/upgrade`

async function upgrade(user: TestUser, roomId: string, version: string, creators?: readonly string[]): Promise<string> {
  const body = { new_version: version, ...(creators && { additional_creators: creators }) }
  return (await user.post<{ replacement_room: string }>(upgradePath(roomId), body)).replacement_room
}

for (const [from, to] of [
  ['1', '12'],
  ['9', '10'],
  ['11', '12'],
  ['12', '12'],
  ['12', '11'],
] as const) {
  test(`an upgrade from version ${from} to ${to} takes everything along`, async () => {
    await using server = await createTestServer()
    const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
    const old = await publicRoom(alice, [bob], {
      room_version: from,
      room_alias_name: 'hall',
      visibility: 'public',
      name: 'Hall',
      topic: 'Of fame',
      creation_content: { type: 'org.example.type' },
      initial_state: [
        { type: 'm.room.server_acl', content: { allow: ['*'], deny: ['bad.example'] } },
        { type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
        { type: 'm.room.history_visibility', content: { history_visibility: 'joined' } },
        { type: 'org.example.private', content: { not: 'carried' } },
      ],
    })
    const before = await getState(alice, old, 'm.room.power_levels')
    await setState(alice, old, 'm.room.power_levels', {
      ...before,
      users: { ...Object(before.users), [bob.userId]: 50 },
      invite: 10,
    })
    await act(alice, old, 'ban', { user_id: carol.userId, reason: 'spam' })
    assert.equal(await errorOf(bob, 'POST', upgradePath(old), { new_version: to }, 403), 'M_FORBIDDEN')
    const created = await upgrade(alice, old, to)
    const create = await getState(alice, created, 'm.room.create')
    assert.equal(create.room_version, to)
    assert.equal(create.type, 'org.example.type')
    const predecessor = create.predecessor as { room_id: string; event_id?: string }
    assert.equal(predecessor.room_id, old)
    assert.equal(predecessor.event_id === undefined, to === '12')
    assert.equal((await getState(alice, old, 'm.room.tombstone')).replacement_room, created)
    for (const type of [
      'name',
      'topic',
      'server_acl',
      'encryption',
      'history_visibility',
      'join_rules',
      'guest_access',
    ]) {
      const [was, is] = [await getState(alice, old, `m.room.${type}`), await getState(alice, created, `m.room.${type}`)]
      assert.deepEqual(is, was, type)
    }
    assert.ok(!(await allState(alice, created)).some(({ type }) => type === 'org.example.private'))
    const levels = await getState(alice, created, 'm.room.power_levels')
    const users = levels.users as Record<string, number>
    assert.equal(levels.invite, 10)
    // A creator of version 12 must still be able to do everything where levels name everybody.
    const own = from === '12' ? 150 : 100
    assert.deepEqual(users, { ...(to === '12' ? {} : { [alice.userId]: own }), [bob.userId]: 50 })
    assert.equal(
      (levels.events as Record<string, number>)['m.room.tombstone'],
      to === '12' || from === '12' ? 150 : 100,
    )
    const closed = await getState(alice, old, 'm.room.power_levels')
    assert.equal(closed.events_default, 50)
    assert.equal(closed.invite, 50)
    await setState(alice, created, 'm.room.name', { name: 'Renamed' })
    assert.deepEqual(await getState(alice, created, 'm.room.canonical_alias'), { alias: '#hall:localhost' })
    assert.deepEqual(await getState(alice, old, 'm.room.canonical_alias'), {})
    assert.equal((await join(bob, '#hall:localhost')).room_id, created)
    assert.equal((await join(carol, created, 403)).errcode, 'M_FORBIDDEN')
    assert.equal((await getState(alice, created, 'm.room.member', carol.userId)).reason, 'spam')
    const visibility = (roomId: string) => server.client.get(at`/_matrix/client/v3/directory/list/room/${roomId}`)
    assert.equal((await visibility(old)).visibility, 'private')
    assert.equal((await visibility(created)).visibility, 'public')
    await send(bob, created, 'made it')
    assert.ok((await timeline(alice, old)).some(({ type }) => type === 'm.room.tombstone'))
  })
}

test('additional creators of an upgrade have power over the new room and an invitation to it', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const old = await createRoom(alice, { room_version: '10', preset: 'trusted_private_chat', invite: [bob.userId] })
  await join(bob, old)
  const created = await upgrade(alice, old, '12', [bob.userId, '@far:elsewhere.example'])
  const content = await getState(alice, created, 'm.room.create')
  assert.deepEqual(content.additional_creators, [bob.userId, '@far:elsewhere.example'])
  assert.deepEqual((await getState(alice, created, 'm.room.power_levels')).users, {})
  assert.equal(await membershipOf(alice, created, bob.userId), 'invite')
  await join(bob, created)
  const next = await upgrade(bob, created, '12')
  assert.equal((await getState(bob, next, 'm.room.create')).additional_creators, undefined)
  const body = { new_version: '12', additional_creators: ['nobody'] }
  assert.equal(await errorOf(bob, 'POST', upgradePath(next), body, 400), 'M_INVALID_PARAM')
  const ignored = await upgrade(bob, next, '11', ['nobody'])
  assert.equal((await getState(bob, ignored, 'm.room.create')).additional_creators, undefined)
})

test('upgrades that cannot be', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await createRoom(alice)
  const fail = (user: TestUser, body: object, status: number, room = roomId) =>
    errorOf(user, 'POST', upgradePath(room), body, status)
  assert.equal(await fail(alice, { new_version: 'next' }, 400), 'M_UNSUPPORTED_ROOM_VERSION')
  assert.equal(await fail(alice, {}, 400), 'M_MISSING_PARAM')
  assert.equal(await fail(alice, { new_version: 12 }, 400), 'M_BAD_JSON')
  assert.equal(await fail(bob, { new_version: '12' }, 403), 'M_FORBIDDEN')
  assert.equal(await fail(alice, { new_version: '12' }, 403, '!nowhere:localhost'), 'M_FORBIDDEN')
})

test('tags and direct chats follow a user into the new room', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const old = await publicRoom(alice, [bob])
  const data = (user: TestUser, type: string) => at`/_matrix/client/v3/user/${user.userId}/account_data/${type}`
  const tags = (user: TestUser, roomId: string) =>
    at`/_matrix/client/v3/user/${user.userId}/rooms/${roomId}/account_data/m.tag`
  for (const user of [alice, bob]) {
    await user.put(tags(user, old), { tags: { 'm.favourite': { order: 0.5 } } })
    await user.put(data(user, 'm.direct'), { [bob.userId]: [old], '@x:elsewhere.example': ['!other:localhost'] })
  }
  const created = await upgrade(alice, old, '12')
  await join(bob, created)
  for (const user of [alice, bob]) {
    assert.deepEqual(await user.get(tags(user, created)), { tags: { 'm.favourite': { order: 0.5 } } })
    assert.deepEqual(await user.get(data(user, 'm.direct')), {
      [bob.userId]: [old, created],
      '@x:elsewhere.example': ['!other:localhost'],
    })
  }
})
