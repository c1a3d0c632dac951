import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { type PushGateway, startPushGateway } from './helpers/push-gateway.ts'
import { act, createRoom, join, publicRoom, send, setState, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const drain = (server: TestServer) => server.context.push.delivery.drain()

function setPusher(user: TestUser, gateway: PushGateway, others: object = {}, data: object = {}) {
  return user.post(`${v3}/pushers/set`, {
    pushkey: `key of ${user.userId}`,
    kind: 'http',
    app_id: 'org.example.app',
    app_display_name: 'App',
    device_display_name: 'Phone',
    lang: 'en',
    data: { url: gateway.url, ...data },
    ...others,
  })
}

/** What the gateway has been told since it was asked last. */
async function pushesOf(server: TestServer, gateway: PushGateway) {
  await drain(server)
  return gateway.take()
}

const read = (user: TestUser, roomId: string, eventId: string) =>
  user.post(at`/_matrix/client/v3/rooms/${roomId}/receipt/m.read/${eventId}`)

testOnEngines('a push says what happened, where, and how much is unread', async (_t, { engine }) => {
  await using gateway = await startPushGateway()
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob], { name: 'The room', room_alias_name: 'the-room' })
  await alice.put(at`/_matrix/client/v3/profile/${alice.userId}/displayname`, { displayname: 'Alice' })
  await send(alice, roomId, 'before the pusher')
  await setPusher(bob, gateway, {}, { custom: { a: 1 } })
  const third = await server.user('carol')
  await join(third, roomId)
  const eventId = await send(alice, roomId, 'hello')
  const [push, ...others] = await pushesOf(server, gateway)
  assert.deepEqual(others, [])
  const { devices, ...notification } = push ?? { devices: [] }
  assert.deepEqual(notification, {
    event_id: eventId,
    room_id: roomId,
    type: 'm.room.message',
    sender: alice.userId,
    sender_display_name: 'Alice',
    room_name: 'The room',
    room_alias: '#the-room:localhost',
    prio: 'low',
    content: { msgtype: 'm.text', body: 'hello' },
    counts: { unread: 2 },
  })
  const [device] = devices
  assert.ok(Math.abs((device?.pushkey_ts ?? 0) - Date.now() / 1000) < 60)
  assert.deepEqual(
    { ...device, pushkey_ts: 0 },
    {
      app_id: 'org.example.app',
      pushkey: 'key of @bob:localhost',
      pushkey_ts: 0,
      data: { custom: { a: 1 } },
      tweaks: {},
    },
  )
})

test('the format event_id_only tells ids and counts, and nothing of the event', async () => {
  await using gateway = await startPushGateway()
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob], { name: 'Secret' })
  await setPusher(bob, gateway, {}, { format: 'event_id_only' })
  const eventId = await send(alice, roomId, { ciphertext: 'x' }, 'm.room.encrypted')
  const [push] = await pushesOf(server, gateway)
  const { devices, ...notification } = push ?? { devices: [] }
  assert.deepEqual(notification, { event_id: eventId, room_id: roomId, prio: 'high', counts: { unread: 1 } })
  assert.deepEqual(devices[0]?.data, { format: 'event_id_only' })
  assert.equal('tweaks' in (devices[0] ?? {}), false)
})

test('rules decide about sounds, highlights and priority', async () => {
  await using gateway = await startPushGateway()
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [bob, carol])
  const direct = await publicRoom(alice, [bob])
  await setPusher(bob, gateway)
  const one = async (action: Promise<unknown>) => {
    await action
    const [push, ...others] = await pushesOf(server, gateway)
    assert.deepEqual(others, [])
    return push && [push.prio, push.devices[0]?.tweaks]
  }
  assert.deepEqual(await one(send(alice, roomId, 'hello')), ['low', {}])
  assert.deepEqual(await one(send(alice, direct, 'hello')), ['high', { sound: 'default' }])
  const mention = { msgtype: 'm.text', body: 'bob', 'm.mentions': { user_ids: [bob.userId] } }
  assert.deepEqual(await one(send(alice, roomId, mention)), ['high', { sound: 'default', highlight: true }])
  assert.deepEqual(await one(send(alice, roomId, {}, 'm.call.invite')), ['high', { sound: 'ring' }])
  assert.equal(await one(send(alice, roomId, { msgtype: 'm.notice', body: 'quiet' })), undefined)
  const rule = at`/_matrix/client/v3/pushrules/global/room/${roomId}`
  await bob.put(rule, { actions: ['notify', { set_tweak: 'sound', value: 'bell' }] })
  assert.deepEqual(await one(send(alice, roomId, 'hello')), ['high', { sound: 'bell' }])
  await bob.put(rule, { actions: [] })
  assert.equal(await one(send(alice, roomId, 'hello')), undefined)
  assert.deepEqual(await one(send(alice, roomId, mention)), ['high', { sound: 'default', highlight: true }])
})

testOnEngines('what was read elsewhere changes the count on the device', async (_t, { engine }) => {
  await using gateway = await startPushGateway()
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const rooms = [await publicRoom(alice, [bob]), await publicRoom(alice, [bob])] as const
  await setPusher(bob, gateway)
  const counts = async () => (await pushesOf(server, gateway)).map((push) => [push.event_id, push.counts?.unread])
  const [a, b] = [await send(alice, rooms[0], 'a'), await send(alice, rooms[1], 'b')]
  await drain(server)
  gateway.take()
  const c = await send(alice, rooms[1], 'c')
  assert.deepEqual(await counts(), [[c, 3]])
  await read(bob, rooms[1], b)
  assert.deepEqual(await counts(), [[undefined, 2]])
  await read(bob, rooms[1], b)
  assert.deepEqual(await counts(), [])
  // Whoever answers has read.
  await send(bob, rooms[1], 'd')
  assert.deepEqual(await counts(), [[undefined, 1]])
  await alice.put(at`/_matrix/client/v3/rooms/${rooms[0]}/redact/${a}/t`)
  assert.deepEqual(await counts(), [[undefined, 0]])
  const carol = await server.user('carol')
  await join(carol, rooms[0])
  const spam = await send(carol, rooms[0], 'spam')
  assert.deepEqual(await counts(), [[spam, 1]])
  await act(alice, rooms[0], 'ban', { user_id: carol.userId, 'org.matrix.msc4293.redact_events': true })
  await server.context.jobs.drain()
  assert.deepEqual(await counts(), [[undefined, 0]])
  // An application that counts by itself is told of no counts.
  await setPusher(bob, gateway, {}, { 'org.matrix.msc4076.disable_badge_count': true })
  const e = await send(alice, rooms[0], 'e')
  assert.deepEqual(await counts(), [[e, undefined]])
  await read(bob, rooms[0], e)
  assert.deepEqual(await counts(), [])
})

test('nobody is told of what is read, left, redacted, their own or from somebody ignored', async () => {
  await using gateway = await startPushGateway()
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [bob, carol])
  await setPusher(bob, gateway)
  await bob.put(at`/_matrix/client/v3/user/${bob.userId}/account_data/m.ignored_user_list`, {
    ignored_users: { [carol.userId]: {} },
  })
  const mention = { msgtype: 'm.text', body: 'bob', 'm.mentions': { user_ids: [bob.userId] } }
  await send(bob, roomId, 'my own')
  await send(carol, roomId, mention)
  assert.deepEqual(await pushesOf(server, gateway), [])
  // While a first push is under way, all of this is decided anew.
  gateway.behave('hold')
  const first = await send(alice, roomId, 'first')
  await gateway.arrived(1)
  const redacted = await send(alice, roomId, 'redacted')
  await alice.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${redacted}/t`)
  await read(bob, roomId, await send(alice, roomId, 'read'))
  const last = await send(alice, roomId, 'last')
  gateway.behave('ok')
  gateway.release()
  assert.deepEqual(
    (await pushesOf(server, gateway)).map((push) => push.event_id),
    [first, last],
  )
  await act(bob, roomId, 'leave')
  await send(alice, roomId, mention)
  assert.deepEqual(
    (await pushesOf(server, gateway)).map((push) => [push.event_id, push.counts]),
    [[undefined, { unread: 0 }]],
  )
})

test('an invitation is pushed to the one who is invited', async () => {
  await using gateway = await startPushGateway()
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  await setPusher(bob, gateway)
  await setPusher(carol, gateway)
  const roomId = await createRoom(alice, { invite: [bob.userId], name: 'Come in' })
  const [push, ...others] = await pushesOf(server, gateway)
  assert.deepEqual(others, [])
  assert.deepEqual(
    [push?.type, push?.room_id, push?.user_is_target, push?.content?.membership, push?.room_name, push?.prio],
    ['m.room.member', roomId, true, 'invite', 'Come in', 'high'],
  )
  assert.equal(push?.devices[0]?.pushkey, 'key of @bob:localhost')
  await act(alice, roomId, 'invite', { user_id: carol.userId })
  assert.deepEqual(
    (await pushesOf(server, gateway)).map(({ devices }) => devices[0]?.pushkey),
    ['key of @carol:localhost'],
  )
  await join(carol, roomId)
  await setState(alice, roomId, 'm.room.topic', { topic: 'x' })
  assert.deepEqual(await pushesOf(server, gateway), [])
})

test('pushers end with their session, move with their device, and can be switched off', async () => {
  await using gateway = await startPushGateway()
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [bob, carol])
  const keys = async () => {
    await send(alice, roomId, 'hello')
    return (await pushesOf(server, gateway)).map(({ devices }) => devices[0]?.pushkey).sort()
  }
  await setPusher(bob, gateway, { pushkey: 'phone' })
  assert.deepEqual(await keys(), ['phone'])
  await setPusher(bob, gateway, { pushkey: 'phone', 'org.matrix.msc3881.enabled': false })
  assert.deepEqual(await keys(), [])
  await setPusher(bob, gateway, { pushkey: 'phone', 'org.matrix.msc3881.enabled': true })
  const missed = (await pushesOf(server, gateway)).map((push) => [push.event_id, push.counts])
  assert.deepEqual(missed, [[undefined, { unread: 2 }]])
  assert.deepEqual(await keys(), ['phone'])
  await setPusher(carol, gateway, { pushkey: 'phone' })
  assert.deepEqual((await bob.get<{ pushers: object[] }>(`${v3}/pushers`)).pushers, [])
  assert.deepEqual(await keys(), ['phone'])
  await setPusher(bob, gateway, { pushkey: 'phone', append: true })
  assert.deepEqual(await keys(), ['phone', 'phone'])
  await carol.post(`${v3}/logout`)
  assert.deepEqual(await keys(), ['phone'])
  await setPusher(bob, gateway, { pushkey: 'phone', kind: null })
  assert.deepEqual(await keys(), [])
})
