import assert from 'node:assert/strict'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { act, createRoom, errorOf, getState, join, publicRoom, send, setState, timeline, v3 } from './helpers/rooms.ts'
import { createTestServer } from './helpers/server.ts'

testOnEngines('rooms from creation to replacement', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const body = { preset: 'public_chat', visibility: 'public', room_alias_name: 'hall', name: 'Hall' }
  const roomId = await createRoom(alice, body)
  assert.equal(await errorOf(bob, 'POST', `${v3}/createRoom`, body, 400), 'M_ROOM_IN_USE')
  await join(bob, '#hall:localhost')
  const target = await send(bob, roomId, 'hello')
  const path = at`/_matrix/client/v3/rooms/${roomId}/send/m.reaction/once`
  const reaction = { 'm.relates_to': { rel_type: 'm.annotation', event_id: target, key: 'x' } }
  const ids = await Promise.all(
    [1, 2, 3].map(async () => (await bob.put<{ event_id: string }>(path, reaction)).event_id),
  )
  assert.equal(new Set(ids).size, 1)
  assert.equal(await errorOf(bob, 'PUT', `${path}more`, reaction, 400), 'M_DUPLICATE_ANNOTATION')
  const { chunk } = await bob.get<{ chunk: { num_joined_members: number }[] }>(`${v3}/publicRooms`)
  assert.deepEqual(
    chunk.map(({ num_joined_members: joined }) => joined),
    [2],
  )
  await act(bob, roomId, 'leave')
  await act(bob, roomId, 'forget')
  const upgrade = at`/_matrix/client/v3/rooms/${roomId}/upgrade`
  const { replacement_room: created } = await alice.post<{ replacement_room: string }>(upgrade, { new_version: '11' })
  assert.equal((await join(bob, '#hall:localhost')).room_id, created)
  const allow = [{ type: 'm.room_membership', room_id: created }]
  const restricted = await createRoom(alice)
  await setState(alice, restricted, 'm.room.join_rules', { join_rule: 'restricted', allow })
  await join(bob, restricted)
  const content = await getState(bob, restricted, 'm.room.member', bob.userId)
  assert.equal(content.join_authorised_via_users_server, alice.userId)
  await bob.put(at`/_matrix/client/v3/profile/${bob.userId}/displayname`, { displayname: 'Rob' })
  assert.equal((await getState(bob, created, 'm.room.member', bob.userId)).displayname, 'Rob')
  await alice.delete(at`/_matrix/client/v3/directory/room/${'#hall:localhost'}`)
  assert.deepEqual(await getState(alice, created, 'm.room.canonical_alias'), {})
})

testOnEngines('whatever was acknowledged is found again, from many senders at once', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const users = await Promise.all(Array.from({ length: 20 }, (_, i) => server.user(`user${i}`)))
  const [first, ...others] = users
  assert.ok(first)
  const roomId = await publicRoom(first, others)
  const sent = await Promise.all(
    users.flatMap((user, i) => Array.from({ length: 10 }, (_, n) => send(user, roomId, `${i}/${n}`))),
  )
  const found = (await timeline(first, roomId)).filter(({ type }) => type === 'm.room.message')
  assert.deepEqual(found.map(({ event_id: id }) => id).sort(), sent.sort())
})
