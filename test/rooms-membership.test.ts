import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import {
  act,
  createRoom,
  errorOf,
  getState,
  join,
  membershipOf,
  publicRoom,
  send,
  setState,
  statePath,
  timeline,
  v3,
} from './helpers/rooms.ts'
import { createTestServer } from './helpers/server.ts'

test('joining again changes nothing, and joined_rooms lists the rooms', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await createRoom(alice, { preset: 'public_chat', room_alias_name: 'hall' })
  assert.deepEqual(await join(bob, '#hall:localhost'), { room_id: roomId })
  const events = await timeline(bob, roomId)
  assert.deepEqual(await act(bob, roomId, 'join', { reason: null }), { room_id: roomId })
  await bob.post(
    at`/_matrix/client/v3/join/${roomId}`,
    { third_party_signed: {} },
    { query: { via: ['a.example', 'b.example'] } },
  )
  assert.deepEqual((await timeline(bob, roomId)).length, events.length)
  assert.deepEqual(await bob.get(`${v3}/joined_rooms`), { joined_rooms: [roomId] })
  assert.equal((await join(bob, '#nowhere:localhost', 404)).errcode, 'M_NOT_FOUND')
  assert.equal((await join(bob, '!nowhere:localhost', 404)).errcode, 'M_NOT_FOUND')
  assert.equal((await join(bob, 'hall', 400)).errcode, 'M_INVALID_PARAM')
})

test('invitations: who may send them, to whom, and how they end', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await createRoom(alice)
  const invite = (user: typeof alice, target: string, status = 200) =>
    act(user, roomId, 'invite', { user_id: target, reason: 'come' }, status)
  assert.equal((await invite(bob, carol.userId, 403)).errcode, 'M_FORBIDDEN')
  assert.equal((await invite(alice, alice.userId, 403)).errcode, 'M_FORBIDDEN')
  assert.equal((await invite(alice, 'bob', 400)).errcode, 'M_INVALID_PARAM')
  assert.equal((await act(alice, roomId, 'invite', {}, 400)).errcode, 'M_MISSING_PARAM')
  const byMail = { id_server: 'id.example', medium: 'email', address: 'a@b.example', id_access_token: 'x' }
  assert.equal((await act(alice, roomId, 'invite', byMail, 400)).errcode, 'M_SERVER_NOT_TRUSTED')
  assert.equal((await join(bob, roomId, 403)).errcode, 'M_FORBIDDEN')
  await invite(alice, bob.userId)
  await invite(alice, bob.userId)
  const content = await getState(alice, roomId, 'm.room.member', bob.userId)
  assert.deepEqual(content, { membership: 'invite', displayname: 'bob', reason: 'come' })
  await join(bob, roomId)
  assert.equal((await invite(alice, bob.userId, 403)).errcode, 'M_FORBIDDEN')
  await invite(bob, carol.userId)
  await act(carol, roomId, 'leave', { reason: 'no' })
  await act(carol, roomId, 'leave')
  assert.deepEqual(await getState(alice, roomId, 'm.room.member', carol.userId), { membership: 'leave', reason: 'no' })
  assert.equal((await join(carol, roomId, 403)).errcode, 'M_FORBIDDEN')
  const dave = await server.user('dave')
  assert.equal((await act(dave, roomId, 'leave', {}, 403)).errcode, 'M_FORBIDDEN')
})

test('kick, ban and unban, of whom and by whom', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [bob])
  const on = (user: typeof alice, action: string, target: string, status = 200) =>
    act(user, roomId, action, { user_id: target, reason: 'why' }, status)
  assert.equal((await on(alice, 'kick', carol.userId, 403)).errcode, 'M_FORBIDDEN')
  assert.equal((await on(bob, 'kick', alice.userId, 403)).errcode, 'M_FORBIDDEN')
  assert.equal((await on(alice, 'unban', bob.userId, 403)).errcode, 'M_FORBIDDEN')
  assert.equal((await on(carol, 'ban', bob.userId, 403)).errcode, 'M_FORBIDDEN')
  assert.equal((await act(alice, roomId, 'kick', {}, 400)).errcode, 'M_MISSING_PARAM')
  await on(alice, 'kick', bob.userId)
  assert.deepEqual(await getState(alice, roomId, 'm.room.member', bob.userId), { membership: 'leave', reason: 'why' })
  assert.equal((await on(alice, 'kick', bob.userId, 403)).errcode, 'M_FORBIDDEN')
  await join(bob, roomId)
  await on(alice, 'ban', bob.userId)
  await on(alice, 'ban', bob.userId)
  assert.equal((await join(bob, roomId, 403)).errcode, 'M_FORBIDDEN')
  assert.equal((await on(alice, 'invite', bob.userId, 403)).errcode, 'M_FORBIDDEN')
  assert.equal((await on(alice, 'kick', bob.userId, 403)).errcode, 'M_FORBIDDEN')
  await on(alice, 'unban', bob.userId)
  await join(bob, roomId)
  await on(alice, 'ban', carol.userId)
  assert.equal((await on(alice, 'ban', '@x:elsewhere.example')).errcode, undefined)
})

test('membership written as state follows the same rules', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await createRoom(alice)
  const put = (user: typeof alice, target: string, content: object, status: number) =>
    errorOf(user, 'PUT', statePath(roomId, 'm.room.member', target), content, status)
  assert.equal(await put(alice, bob.userId, { membership: 'join' }, 403), 'M_FORBIDDEN')
  assert.equal(await put(alice, bob.userId, { membership: 'away' }, 400), 'M_BAD_JSON')
  assert.equal(await put(alice, 'bob', { membership: 'invite' }, 400), 'M_INVALID_PARAM')
  assert.equal(await put(alice, bob.userId, { membership: 'leave' }, 403), 'M_FORBIDDEN')
  await put(alice, bob.userId, { membership: 'invite' }, 200)
  await put(bob, bob.userId, { membership: 'join', displayname: 'Bobby' }, 200)
  assert.deepEqual(await getState(bob, roomId, 'm.room.member', bob.userId), {
    membership: 'join',
    displayname: 'Bobby',
  })
  await put(
    bob,
    bob.userId,
    { membership: 'join', displayname: 'Rob', join_authorised_via_users_server: alice.userId },
    200,
  )
  assert.deepEqual(await getState(bob, roomId, 'm.room.member', bob.userId), { membership: 'join', displayname: 'Rob' })
  await put(alice, bob.userId, { membership: 'ban', reason: 'x' }, 200)
  await put(alice, bob.userId, { membership: 'leave' }, 200)
  assert.equal(await put(alice, carol.userId, { membership: 'knock' }, 403), 'M_FORBIDDEN')
})

test('knocking: only where the room takes knocks, and until the user is let in', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await createRoom(alice, { room_alias_name: 'door' })
  const knock = async (user: typeof alice, status = 200, target = '#door:localhost') =>
    (await user.request('POST', at`/_matrix/client/v3/knock/${target}`, { body: { reason: 'me' }, expect: status }))
      .body
  assert.equal((await knock(bob, 403)).errcode, 'M_FORBIDDEN')
  await setState(alice, roomId, 'm.room.join_rules', { join_rule: 'knock' })
  assert.deepEqual(await knock(bob), { room_id: roomId })
  await knock(bob)
  const content = { membership: 'knock', displayname: 'bob', reason: 'me' }
  assert.deepEqual(await getState(alice, roomId, 'm.room.member', bob.userId), content)
  assert.equal((await join(bob, roomId, 403)).errcode, 'M_FORBIDDEN')
  await act(bob, roomId, 'leave')
  await knock(bob)
  await act(alice, roomId, 'kick', { user_id: bob.userId, reason: 'no' })
  await knock(bob)
  await act(alice, roomId, 'invite', { user_id: bob.userId })
  assert.equal((await knock(bob, 403)).errcode, 'M_FORBIDDEN')
  await join(bob, roomId)
  assert.equal((await knock(bob, 403)).errcode, 'M_FORBIDDEN')
  await act(alice, roomId, 'ban', { user_id: bob.userId })
  assert.equal((await knock(bob, 403)).errcode, 'M_FORBIDDEN')
  assert.equal((await knock(bob, 404, '#gone:localhost')).errcode, 'M_NOT_FOUND')
  assert.equal((await knock(bob, 404, '!gone:localhost')).errcode, 'M_NOT_FOUND')
})

for (const version of ['8', '10', '11', '12']) {
  test(`restricted rooms of version ${version}`, async () => {
    await using server = await createTestServer()
    const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
    const club = await publicRoom(alice, [bob])
    const rule = (content: object) => ({ type: 'm.room.join_rules', content })
    const allow = [{ type: 'm.room_membership', room_id: club }]
    const restricted = { join_rule: 'restricted', allow }
    const roomId = await createRoom(alice, { room_version: version, initial_state: [rule(restricted)] })
    assert.equal((await join(carol, roomId, 403)).errcode, 'M_FORBIDDEN')
    await join(bob, roomId)
    const content = await getState(bob, roomId, 'm.room.member', bob.userId)
    assert.equal(content.join_authorised_via_users_server, alice.userId)
    await act(alice, roomId, 'invite', { user_id: carol.userId })
    await join(carol, roomId)
    const invited = await getState(carol, roomId, 'm.room.member', carol.userId)
    assert.equal(invited.join_authorised_via_users_server, undefined)
    for (const malformed of [
      null,
      'x',
      {},
      [club],
      [{ type: 'other', room_id: club }],
      [{ type: 'm.room_membership' }],
    ]) {
      await act(bob, roomId, 'leave')
      await setState(alice, roomId, 'm.room.join_rules', { join_rule: 'restricted', allow: malformed })
      assert.equal((await join(bob, roomId, 403)).errcode, 'M_FORBIDDEN')
    }
    await setState(alice, roomId, 'm.room.join_rules', {
      join_rule: Number(version) < 10 ? 'restricted' : 'knock_restricted',
      allow,
    })
    await join(bob, roomId)
    await act(bob, roomId, 'leave')
    await act(bob, club, 'leave')
    assert.equal((await join(bob, roomId, 403)).errcode, 'M_FORBIDDEN')
  })
}

test('a restricted room lets nobody in once nobody is left who may invite', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const club = await publicRoom(alice, [bob, carol])
  const allow = [{ type: 'm.room_membership', room_id: club }]
  const roomId = await createRoom(alice, {
    power_level_content_override: { invite: 50 },
    initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } }],
  })
  await join(carol, roomId)
  await act(alice, roomId, 'leave')
  assert.equal((await join(bob, roomId, 403)).errcode, 'M_FORBIDDEN')
})

test('forgetting a room: after leaving, and until the next invitation', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  await send(alice, roomId, 'before')
  assert.equal((await act(bob, roomId, 'forget', {}, 400)).errcode, 'M_UNKNOWN')
  await act(bob, roomId, 'leave')
  assert.ok((await timeline(bob, roomId)).length > 0)
  await act(bob, roomId, 'forget')
  await act(bob, roomId, 'forget')
  await bob.request('GET', at`/_matrix/client/v3/rooms/${roomId}/messages`, { query: { dir: 'b' }, expect: 403 })
  assert.equal((await act(bob, '!nowhere:localhost', 'forget', {}, 404)).errcode, 'M_NOT_FOUND')
  const closed = await createRoom(alice, { invite: [bob.userId] })
  assert.equal((await act(bob, closed, 'forget', {}, 400)).errcode, 'M_UNKNOWN')
  await act(bob, closed, 'leave')
  await act(bob, closed, 'forget')
  await act(alice, closed, 'invite', { user_id: bob.userId })
  await join(bob, closed)
  assert.ok((await timeline(bob, closed)).length > 0)
})

test('a new name or avatar is written into every room', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const rooms = [await publicRoom(alice, [bob]), await publicRoom(alice, [bob]), await createRoom(bob)]
  const left = await publicRoom(alice, [bob])
  await act(bob, left, 'leave')
  const profile = at`/_matrix/client/v3/profile/${bob.userId}/`
  await bob.put(`${profile}displayname`, { displayname: 'Roberta' })
  await bob.put(`${profile}avatar_url`, { avatar_url: 'mxc://localhost/abc' })
  for (const roomId of rooms) {
    const content = await getState(bob, roomId, 'm.room.member', bob.userId)
    assert.deepEqual(content, { membership: 'join', displayname: 'Roberta', avatar_url: 'mxc://localhost/abc' })
  }
  assert.equal(await membershipOf(alice, left, bob.userId), 'leave')
  await bob.put(`${profile}displayname`, { displayname: '' })
  const content = await getState(bob, rooms[0] ?? '', 'm.room.member', bob.userId)
  assert.deepEqual(content, { membership: 'join', avatar_url: 'mxc://localhost/abc' })
})

test('a deactivated account leaves its rooms and turns down its invitations', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const rooms = [await publicRoom(alice, [bob]), await createRoom(alice, { invite: [bob.userId] })]
  const { accounts, db, jobs } = server.context
  await db.write('deactivate', (tx) => accounts.users.deactivate(tx, bob.userId, false))
  await jobs.drain()
  for (const roomId of rooms) assert.equal(await membershipOf(alice, roomId, bob.userId), 'leave')
})

test('guests come in where the room takes guests, and nowhere else', async () => {
  await using server = await createTestServer({ config: { registration: { guests: true } } })
  const alice = await server.user('alice')
  const { access_token: token } = await server.client.post<{ access_token: string }>(
    `${v3}/register`,
    {},
    { query: { kind: 'guest' } },
  )
  const guest = server.client.as(token)
  const open = await publicRoom(alice, [], {
    initial_state: [{ type: 'm.room.guest_access', content: { guest_access: 'can_join' } }],
  })
  const closed = await publicRoom(alice, [])
  const enter = (roomId: string, expect: number) =>
    guest.request('POST', at`/_matrix/client/v3/rooms/${roomId}/join`, { body: {}, expect })
  assert.equal((await enter(closed, 403)).body.errcode, 'M_GUEST_ACCESS_FORBIDDEN')
  await enter(open, 200)
  await guest.put(at`/_matrix/client/v3/rooms/${open}/send/m.room.message/1`, { msgtype: 'm.text', body: 'hi' })
  assert.equal(
    (await guest.request('POST', `${v3}/createRoom`, { body: {}, expect: 403 })).body.errcode,
    'M_GUEST_ACCESS_FORBIDDEN',
  )
})
