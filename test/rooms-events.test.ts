import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import {
  act,
  createRoom,
  errorOf,
  getEvent,
  getState,
  publicRoom,
  send,
  setState,
  statePath,
  timeline,
} from './helpers/rooms.ts'
import { createTestServer } from './helpers/server.ts'

const message = { msgtype: 'm.text', body: 'once' }

test('a transaction id counts for one device and one path, also when requests race', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice', { deviceId: 'A' })
  const other = await server.login('alice', 'B')
  const bob = await server.user('bob', { deviceId: 'A' })
  const roomId = await publicRoom(alice, [bob])
  const second = await publicRoom(alice, [])
  const path = (room: string, type = 'm.room.message') => at`/_matrix/client/v3/rooms/${room}/send/${type}/${'txn'}`
  const put = async (user: typeof alice, where: string, body: object = message) =>
    (await user.put<{ event_id: string }>(where, body)).event_id
  const ids = await Promise.all(Array.from({ length: 5 }, () => put(alice, path(roomId))))
  assert.equal(new Set(ids).size, 1)
  const [first] = ids
  assert.equal(await put(alice, path(roomId), { msgtype: 'm.text', body: 'something else' }), first)
  const again = await server.login('alice', 'A')
  assert.equal(await put(again, path(roomId)), first)
  const others = [
    await put(other, path(roomId)),
    await put(bob, path(roomId)),
    await put(again, path(second)),
    await put(again, path(roomId, 'org.example.type')),
  ]
  assert.equal(new Set([first, ...others]).size, 5)
  assert.equal((await getEvent(again, roomId, first ?? '')).unsigned?.transaction_id, 'txn')
  assert.equal((await getEvent(other, roomId, first ?? '')).unsigned?.transaction_id, undefined)
  assert.equal((await getEvent(bob, roomId, first ?? '')).unsigned?.transaction_id, undefined)
})

test('events that cannot be sent', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await createRoom(alice)
  let n = 0
  const fail = (
    body: object | string,
    status: number,
    { type = 'm.room.message', user = alice, room = roomId } = {},
  ) => {
    n += 1
    return errorOf(user, 'PUT', at`/_matrix/client/v3/rooms/${room}/send/${type}/${`f${n}`}`, body, status)
  }
  assert.equal(await fail('{"n": 1.5}', 400), 'M_BAD_JSON')
  assert.equal(await fail('{"n": 9007199254740992}', 400), 'M_BAD_JSON')
  assert.equal(await fail('nothing', 400), 'M_NOT_JSON')
  assert.equal(await fail('[]', 400), 'M_BAD_JSON')
  assert.equal(await fail({ body: 'x'.repeat(65_000) }, 413), 'M_TOO_LARGE')
  assert.equal(await fail({}, 413, { type: 'x'.repeat(256) }), 'M_TOO_LARGE')
  assert.equal(await fail({}, 400, { type: 'm.room.create' }), 'M_UNKNOWN')
  assert.equal(await fail({}, 403, { type: 'm.room.member' }), 'M_FORBIDDEN')
  assert.equal(await fail({}, 403, { user: bob }), 'M_FORBIDDEN')
  assert.equal(await fail({}, 403, { room: '!nowhere:localhost' }), 'M_FORBIDDEN')
  const state = (type: string, key = '') => statePath(roomId, type, key)
  assert.equal(await errorOf(alice, 'PUT', state('m.room.create'), {}, 400), 'M_UNKNOWN')
  assert.equal(await errorOf(alice, 'PUT', state('a.b'), { body: 'x'.repeat(65_000) }, 413), 'M_TOO_LARGE')
  assert.equal(await errorOf(alice, 'PUT', state('a.b'), '{"n": 0.5}', 400), 'M_BAD_JSON')
  assert.equal(await errorOf(alice, 'PUT', state('a.b', bob.userId), {}, 403), 'M_FORBIDDEN')
  assert.equal(await errorOf(bob, 'PUT', state('a.b'), {}, 403), 'M_FORBIDDEN')
})

test('the same state again is the same event; by others, or other state, it is a new one', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob], { power_level_content_override: { state_default: 0 } })
  const first = await setState(alice, roomId, 'org.example.s', { a: 1, b: [2] }, 'key')
  assert.equal(await setState(alice, roomId, 'org.example.s', { b: [2], a: 1 }, 'key'), first)
  assert.notEqual(await setState(bob, roomId, 'org.example.s', { a: 1, b: [2] }, 'key'), first)
  assert.notEqual(await setState(alice, roomId, 'org.example.s', { a: 1 }, 'key'), first)
  const empty = at`/_matrix/client/v3/rooms/${roomId}/state/org.example.e`
  const { event_id: bare } = await alice.put<{ event_id: string }>(empty, { x: 1 })
  assert.equal((await alice.put<{ event_id: string }>(`${empty}/`, { x: 1 })).event_id, bare)
  assert.deepEqual(await getState(bob, roomId, 'org.example.e'), { x: 1 })
  await act(alice, roomId, 'kick', { user_id: bob.userId })
  const path = statePath(roomId, 'org.example.s', 'key')
  assert.equal(await errorOf(bob, 'PUT', path, { a: 1, b: [2] }, 403), 'M_FORBIDDEN')
})

test('power levels are checked as a whole: bad ones are refused, not stored', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob], { room_version: '11' })
  const path = statePath(roomId, 'm.room.power_levels')
  assert.equal(await errorOf(alice, 'PUT', path, { users: { bob: 100 } }, 400), 'M_INVALID_PARAM')
  assert.equal(await errorOf(alice, 'PUT', path, { users: { [alice.userId]: '100' } }, 400), 'M_BAD_JSON')
  assert.equal(await errorOf(bob, 'PUT', path, {}, 403), 'M_FORBIDDEN')
  await setState(alice, roomId, 'm.room.power_levels', {})
  assert.equal(await errorOf(alice, 'PUT', path, { users: {} }, 403), 'M_FORBIDDEN')
  assert.equal(await errorOf(alice, 'PUT', statePath(roomId, 'm.room.name'), { name: 'x' }, 403), 'M_FORBIDDEN')
})

test('who may redact what', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const admin = await server.user('admin', { admin: true })
  const roomId = await publicRoom(alice, [bob, carol, admin])
  const elsewhere = await send(alice, await createRoom(alice), 'another room')
  const byAlice = await send(alice, roomId, 'by alice')
  const byBob = await send(bob, roomId, 'by bob')
  const redact = (eventId: string, txn = eventId) => at`/_matrix/client/v3/rooms/${roomId}/redact/${eventId}/${txn}`
  assert.equal(await errorOf(bob, 'PUT', redact(byAlice), {}, 403), 'M_FORBIDDEN')
  assert.equal(await errorOf(alice, 'PUT', redact(elsewhere), {}, 400), 'M_INVALID_PARAM')
  assert.equal(await errorOf(alice, 'PUT', redact('no-event'), {}, 400), 'M_INVALID_PARAM')
  const created = (await timeline(alice, roomId))[0]
  assert.equal(await errorOf(alice, 'PUT', redact(created?.event_id ?? ''), {}, 403), 'M_FORBIDDEN')
  await bob.put(redact('$unknown'), { reason: 'not here yet' })
  await bob.put(redact(byBob), {})
  assert.deepEqual((await getEvent(carol, roomId, byBob)).content, {})
  await admin.put(redact(byAlice), {})
  assert.deepEqual((await getEvent(carol, roomId, byAlice)).content, {})
  const late = await send(bob, roomId, 'late')
  const bySend = await send(alice, roomId, { redacts: late, reason: 'x' }, 'm.room.redaction')
  assert.deepEqual((await getEvent(carol, roomId, late)).content, {})
  assert.equal((await getEvent(carol, roomId, bySend)).redacts, late)
  const path = at`/_matrix/client/v3/rooms/${roomId}/send/m.room.redaction/none`
  assert.equal(await errorOf(alice, 'PUT', path, {}, 400), 'M_BAD_JSON')
  await act(bob, roomId, 'leave')
  assert.equal(await errorOf(bob, 'PUT', redact(late, 'left'), {}, 403), 'M_FORBIDDEN')
})

test('one user reacts once to one event with one key', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  const target = await send(alice, roomId, 'react to me')
  const reaction = (key: string) => ({ 'm.relates_to': { rel_type: 'm.annotation', event_id: target, key } })
  const first = await send(bob, roomId, reaction('👍'), 'm.reaction')
  const path = (txn: string) => at`/_matrix/client/v3/rooms/${roomId}/send/m.reaction/${txn}`
  assert.equal(await errorOf(bob, 'PUT', path('d1'), reaction('👍'), 400), 'M_DUPLICATE_ANNOTATION')
  await send(bob, roomId, reaction('👎'), 'm.reaction')
  await send(alice, roomId, reaction('👍'), 'm.reaction')
  await bob.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${first}/r1`, {})
  await send(bob, roomId, reaction('👍'), 'm.reaction')
  const racing = [path('d2'), path('d3')].map((where) => bob.request('PUT', where, { body: reaction('❤️') }))
  assert.deepEqual((await Promise.all(racing)).map(({ status }) => status).sort(), [200, 400])
})

test('events keep what clients may not understand, down to odd keys and null', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const roomId = await createRoom(alice)
  const body = '{"msgtype":"m.text","body":"x","__proto__":{"a":1},"n":null,"deep":{"z":[{}, []]},"\\u00e9":"é"}'
  const path = at`/_matrix/client/v3/rooms/${roomId}/send/${'odd type/with slash'}/1`
  const { event_id: eventId } = await alice.put<{ event_id: string }>(path, body)
  const seen = await getEvent(alice, roomId, eventId)
  assert.equal(seen.type, 'odd type/with slash')
  assert.equal(JSON.stringify(seen.content), JSON.stringify(JSON.parse(body)))
})
