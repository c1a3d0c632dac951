import assert from 'node:assert/strict'
import { test } from 'node:test'
import { roomVersions } from '../src/matrix/room-versions.ts'
import { at } from './helpers/client.ts'
import {
  allState,
  createRoom,
  errorOf,
  getEvent,
  getState,
  join,
  membershipOf,
  send,
  timeline,
  v3,
} from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

const types = (events: readonly { type: string }[]) => events.map(({ type }) => type.replace('m.room.', ''))
const create = (user: TestUser, body: object | string, status = 400) =>
  errorOf(user, 'POST', `${v3}/createRoom`, body, status)

for (const version of roomVersions) {
  test(`room version ${version}: create, join, send and redact`, async () => {
    await using server = await createTestServer()
    const [alice, bob] = [await server.user('alice'), await server.user('bob')]
    const roomId = await createRoom(alice, {
      room_version: version,
      preset: 'public_chat',
      name: 'A room',
      topic: 'Of one version',
      creation_content: { room_version: 'ignored', creator: '@nobody:else', 'org.example.kept': true },
    })
    await join(bob, roomId)
    const eventId = await send(bob, roomId, 'hello')
    const redact = at`/_matrix/client/v3/rooms/${roomId}/redact/${eventId}/once`
    const { event_id: redaction } = await alice.put<{ event_id: string }>(redact, { reason: 'a test' })
    assert.equal((await alice.put<{ event_id: string }>(redact, {})).event_id, redaction)
    const seen = await getEvent(bob, roomId, eventId)
    assert.deepEqual(seen.content, {})
    assert.partialDeepStrictEqual(seen.unsigned, { redacted_because: { event_id: redaction } })
    const shown = await getEvent(bob, roomId, redaction)
    assert.equal(shown.redacts, eventId)
    assert.equal(shown.content.redacts, eventId)
    const content = await getState(bob, roomId, 'm.room.create')
    assert.equal(content.room_version, version)
    assert.equal(content.creator, Number(version) < 11 ? alice.userId : undefined)
    assert.equal(content['org.example.kept'], true)
    assert.deepEqual(types(await timeline(alice, roomId)), [
      'create',
      'member',
      'power_levels',
      'join_rules',
      'history_visibility',
      'guest_access',
      'name',
      'topic',
      'member',
      'message',
      'redaction',
    ])
    const levels = await getState(bob, roomId, 'm.room.power_levels')
    assert.deepEqual(levels.users, version === '12' ? {} : { [alice.userId]: 100 })
    assert.equal((levels.events as Record<string, number>)['m.room.tombstone'], version === '12' ? 150 : 100)
    assert.equal((levels.events as Record<string, number>)['org.matrix.msc3401.call.member'], 0)
    if (version === '12') assert.doesNotMatch(roomId, /:/)
    else assert.match(roomId, /^![^:]+:localhost$/)
  })
}

test('presets, aliases, invitations and overrides', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await createRoom(alice, {
    preset: 'trusted_private_chat',
    room_version: '11',
    room_alias_name: 'pub',
    visibility: 'public',
    topic: 'wins',
    invite: [bob.userId, bob.userId],
    is_direct: true,
    initial_state: [
      { type: 'm.room.topic', content: { topic: 'loses' } },
      { type: 'm.room.guest_access', state_key: null, content: { guest_access: 'forbidden' } },
    ],
    power_level_content_override: { events_default: 5 },
    creation_content: null,
  })
  assert.deepEqual(types(await timeline(alice, roomId)), [
    'create',
    'member',
    'power_levels',
    'canonical_alias',
    'join_rules',
    'history_visibility',
    'guest_access',
    'topic',
    'member',
  ])
  const topic = await getState(alice, roomId, 'm.room.topic')
  assert.deepEqual(topic, { topic: 'wins', 'm.topic': { 'm.text': [{ body: 'wins' }] } })
  assert.deepEqual(await getState(alice, roomId, 'm.room.guest_access'), { guest_access: 'forbidden' })
  const levels = await getState(alice, roomId, 'm.room.power_levels')
  assert.deepEqual(levels.users, { [alice.userId]: 100, [bob.userId]: 100 })
  assert.equal(levels.events_default, 5)
  const invite = await getState(alice, roomId, 'm.room.member', bob.userId)
  assert.deepEqual(invite, { membership: 'invite', displayname: 'bob', is_direct: true })
  assert.deepEqual(await server.client.get(at`/_matrix/client/v3/directory/room/${'#pub:localhost'}`), {
    room_id: roomId,
    servers: ['localhost'],
  })
  const list = at`/_matrix/client/v3/directory/list/room/${roomId}`
  assert.equal((await server.client.get(list)).visibility, 'public')
  assert.equal(await create(bob, { room_alias_name: 'pub' }), 'M_ROOM_IN_USE')
})

test('an initial topic without `topic` stays as it was given', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const roomId = await createRoom(alice, { initial_state: [{ type: 'm.room.topic', content: { topic: 'mine' } }] })
  assert.deepEqual(await getState(alice, roomId, 'm.room.topic'), { topic: 'mine' })
  assert.deepEqual(await getState(alice, roomId, 'm.room.join_rules'), { join_rule: 'invite' })
})

test('version 12: creators stand above all levels, and are named by the create event alone', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await createRoom(alice, {
    preset: 'trusted_private_chat',
    invite: [bob.userId, carol.userId],
    creation_content: { additional_creators: [carol.userId, '@dave:elsewhere.example', alice.userId] },
  })
  const content = await getState(alice, roomId, 'm.room.create')
  assert.deepEqual(content.additional_creators, [carol.userId, '@dave:elsewhere.example', bob.userId])
  await join(bob, roomId)
  await bob.post(at`/_matrix/client/v3/rooms/${roomId}/kick`, { user_id: carol.userId }, { expect: 403 })
  assert.equal(
    await create(alice, { power_level_content_override: { users: { [alice.userId]: 100 } } }),
    'M_INVALID_ROOM_STATE',
  )
  assert.equal(await create(alice, { creation_content: { additional_creators: ['bob'] } }), 'M_INVALID_PARAM')
  assert.equal(await create(alice, { creation_content: { additional_creators: bob.userId } }), 'M_INVALID_PARAM')
  const created = (await allState(bob, roomId)).find(({ type }) => type === 'm.room.create')
  assert.equal(created?.room_id, roomId)
  assert.equal(`!${created?.event_id.slice(1)}`, roomId)
})

test('what cannot be created is refused, and leaves nothing behind', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  assert.equal(await create(alice, { room_version: 12 }), 'M_BAD_JSON')
  assert.equal(await create(alice, { room_version: 'ahfgwjyerhgiuveisbruvybseyrugvi' }), 'M_UNSUPPORTED_ROOM_VERSION')
  assert.equal(await create(alice, { preset: 'palace' }), 'M_BAD_JSON')
  assert.equal(await create(alice, { initial_state: [{ content: {} }] }), 'M_MISSING_PARAM')
  assert.equal(await create(alice, { invite: ['bob'] }), 'M_INVALID_PARAM')
  assert.equal(await create(alice, { room_alias_name: 'a:b' }), 'M_INVALID_PARAM')
  assert.equal(await create(alice, '{"name": 1.5}'), 'M_BAD_JSON')
  assert.equal(
    await create(alice, { invite_3pid: [{ medium: 'email', address: 'a@b.example' }] }),
    'M_SERVER_NOT_TRUSTED',
  )
  assert.equal(
    await create(alice, {
      name: 'x',
      room_alias_name: 'x',
      power_level_content_override: { users_default: 0, users: {} },
      room_version: '11',
    }),
    'M_INVALID_ROOM_STATE',
  )
  assert.equal(await create(alice, { power_level_content_override: { state_default: null } }), 'M_INVALID_ROOM_STATE')
  assert.equal(await create(alice, { initial_state: [{ type: 'm.room.create', content: {} }] }), 'M_UNKNOWN')
  assert.deepEqual(await alice.get(`${v3}/joined_rooms`), { joined_rooms: [] })
  await alice.request('GET', at`/_matrix/client/v3/directory/room/${'#x:localhost'}`, { expect: 404 })
})

test('somebody who blocks invitations gets none', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const type = at`/_matrix/client/v3/user/${bob.userId}/account_data/m.invite_permission_config`
  await bob.put(type, { default_action: 'block' })
  assert.equal(await create(alice, { invite: [bob.userId] }, 403), 'M_INVITE_BLOCKED')
  const roomId = await createRoom(alice)
  const invite = at`/_matrix/client/v3/rooms/${roomId}/invite`
  assert.equal(await errorOf(alice, 'POST', invite, { user_id: bob.userId }, 403), 'M_INVITE_BLOCKED')
  await bob.put(type, {})
  await alice.post(invite, { user_id: bob.userId })
  assert.equal(await membershipOf(alice, roomId, bob.userId), 'invite')
})
