import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { temporaryFolder } from './helpers/program.ts'
import { type Behaviour, type PushGateway, startPushGateway } from './helpers/push-gateway.ts'
import { join, publicRoom, send, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const drain = (server: TestServer) => server.context.push.delivery.drain()
const hour = 3_600_000

function setPusher(user: TestUser, gateway: Pick<PushGateway, 'url'>, pushkey = `key of ${user.userId}`) {
  return user.post(`${v3}/pushers/set`, {
    pushkey,
    kind: 'http',
    app_id: 'org.example.app',
    app_display_name: 'App',
    device_display_name: 'Phone',
    lang: 'en',
    data: { url: gateway.url },
  })
}

async function pushesOf(server: TestServer, gateway: PushGateway) {
  await drain(server)
  return gateway.take()
}

const idsOf = async (server: TestServer, gateway: PushGateway) =>
  (await pushesOf(server, gateway)).map((push) => push.event_id)

const keysOf = async (user: TestUser) =>
  (await user.get<{ pushers: { pushkey: string }[] }>(`${v3}/pushers`)).pushers.map(({ pushkey }) => pushkey)

async function stateOf(server: TestServer) {
  const columns = ['attempts', 'retry_ts', 'last_error'] as const
  return server.context.db.read((reader) => reader.qb.selectFrom('pushers').select(columns).execute())
}

testOnEngines('a key that the gateway rejects is never used again', async (_t, { engine }) => {
  await using gateway = await startPushGateway()
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  await setPusher(bob, gateway, 'old')
  await setPusher(bob, gateway, 'new')
  gateway.behave(({ devices }) => ({ reject: devices[0]?.pushkey === 'old' ? ['old', 'someone else’s'] : [] }))
  await send(alice, roomId, 'one')
  assert.equal((await pushesOf(server, gateway)).length, 2)
  assert.deepEqual(await keysOf(bob), ['new'])
  await send(alice, roomId, 'two')
  assert.equal((await pushesOf(server, gateway)).length, 1)
})

const failures: [string, Behaviour, reason: string][] = [
  ['an error', { status: 502, body: 'upstream' }, 'HTTP 502'],
  ['too many requests', { status: 429 }, 'HTTP 429'],
  ['a connection that breaks off', 'reset', 'network'],
  ['a redirect', { status: 307, headers: { location: 'http://127.0.0.1:1/_matrix/push/v1/notify' } }, 'HTTP 307'],
]

for (const [what, behaviour, reason] of failures) {
  test(`after ${what} the same push comes again, later each time`, async () => {
    await using gateway = await startPushGateway()
    const clock = createTestClock()
    await using server = await createTestServer({ clock })
    const [alice, bob] = [await server.user('alice'), await server.user('bob')]
    const roomId = await publicRoom(alice, [bob])
    await setPusher(bob, gateway)
    gateway.behave(behaviour)
    const first = await send(alice, roomId, 'one')
    assert.deepEqual(await idsOf(server, gateway), [first])
    assert.deepEqual(await stateOf(server), [{ attempts: 1, retry_ts: clock.now() + 2000, last_error: reason }])
    // News does not make it come sooner.
    const second = await send(alice, roomId, 'two')
    assert.deepEqual(await idsOf(server, gateway), [])
    clock.advance(2000)
    assert.deepEqual(await idsOf(server, gateway), [first])
    clock.advance(3999)
    assert.deepEqual(await idsOf(server, gateway), [])
    gateway.behave('ok')
    clock.advance(1)
    assert.deepEqual(await idsOf(server, gateway), [first, second])
    assert.deepEqual(await stateOf(server), [{ attempts: 0, retry_ts: null, last_error: null }])
    clock.advance(hour)
    assert.deepEqual(await idsOf(server, gateway), [])
  })
}

test('what a gateway refuses for good holds up nothing', async () => {
  await using gateway = await startPushGateway()
  const clock = createTestClock()
  await using server = await createTestServer({ clock })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  await setPusher(bob, gateway)
  gateway.behave(({ content }) => (content?.body === 'poison' ? { status: 400 } : 'ok'))
  const poison = await send(alice, roomId, 'poison')
  const good = await send(alice, roomId, 'good')
  assert.deepEqual(await idsOf(server, gateway), [poison])
  clock.advance(2000)
  assert.deepEqual(await idsOf(server, gateway), [good])
})

for (const [what, behaviour] of [
  ['megabytes without end', 'huge'],
  ['no JSON', { status: 200, body: '<html>' }],
  ['JSON of another form', { status: 200, body: '{"rejected":"key"}' }],
] satisfies [string, Behaviour][]) {
  test(`a gateway that answers ${what} has taken the push`, async () => {
    await using gateway = await startPushGateway()
    await using server = await createTestServer()
    const [alice, bob] = [await server.user('alice'), await server.user('bob')]
    const roomId = await publicRoom(alice, [bob])
    await setPusher(bob, gateway)
    gateway.behave(behaviour)
    const first = await send(alice, roomId, 'one')
    assert.deepEqual(await idsOf(server, gateway), [first])
    const second = await send(alice, roomId, 'two')
    assert.deepEqual(await idsOf(server, gateway), [second])
    assert.deepEqual(await keysOf(bob), ['key of @bob:localhost'])
  })
}

test('a gateway that does not answer delays nobody else’s, and gets few requests at once', async () => {
  await using slow = await startPushGateway()
  await using quick = await startPushGateway()
  await using server = await createTestServer()
  const alice = await server.user('alice')
  const users: TestUser[] = []
  for (let i = 0; i < 24; i++) users.push(await server.user(`user${i}`))
  const roomId = await publicRoom(alice, users)
  for (const [i, user] of users.entries()) await setPusher(user, i < 20 ? slow : quick)
  slow.behave('hold')
  await send(alice, roomId, 'hello')
  await quick.arrived(4)
  await slow.arrived(16)
  for (let i = 0; i < 3; i++) await send(alice, roomId, `more ${i}`)
  await quick.arrived(16)
  assert.deepEqual([slow.open.most, slow.pushed.length], [16, 16])
  slow.behave('ok')
  slow.release()
  await drain(server)
  assert.deepEqual([slow.pushed.length, quick.pushed.length], [80, 16])
})

test('a restart goes on where the gateway was lost', async (t) => {
  const dataDir = temporaryFolder(t)
  await using gateway = await startPushGateway()
  const clock = createTestClock()
  const before = await createTestServer({ dataDir, clock })
  const [alice, bob] = [await before.user('alice'), await before.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  await setPusher(bob, gateway)
  const sent = [await send(alice, roomId, 'delivered')]
  await drain(before)
  gateway.behave(({ content }) => (content?.body === 'down' ? { status: 503 } : 'ok'))
  sent.push(await send(alice, roomId, 'down'))
  await drain(before)
  sent.push(await send(alice, roomId, 'waits behind it'))
  await drain(before)
  assert.deepEqual(
    gateway.take().map((push) => push.event_id),
    sent.slice(0, 2),
  )
  await before.stop()
  await using after = await createTestServer({ dataDir, clock })
  assert.deepEqual(await idsOf(after, gateway), [])
  gateway.behave('ok')
  clock.advance(2000)
  assert.deepEqual(await idsOf(after, gateway), sent.slice(1))
  const again = await after.login('alice')
  sent.push(await send(again, roomId, 'new'))
  assert.deepEqual(await idsOf(after, gateway), sent.slice(3))
})

test('a push under way when the server stops comes again after the restart', async (t) => {
  const dataDir = temporaryFolder(t)
  await using gateway = await startPushGateway()
  const before = await createTestServer({ dataDir })
  const [alice, bob] = [await before.user('alice'), await before.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  await setPusher(bob, gateway)
  gateway.behave('hold')
  const eventId = await send(alice, roomId, 'hello')
  await gateway.arrived(1)
  await before.stop()
  gateway.behave('ok')
  gateway.take()
  await using after = await createTestServer({ dataDir })
  assert.deepEqual(await idsOf(after, gateway), [eventId])
})

test('after a long outage only the newest of the last day come, with the whole count', async () => {
  await using gateway = await startPushGateway()
  const clock = createTestClock()
  await using server = await createTestServer({ clock })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  await setPusher(bob, gateway)
  gateway.behave({ status: 500 })
  await send(alice, roomId, 'of yesterday')
  await drain(server)
  clock.advance(25 * hour)
  await drain(server)
  const sent: string[] = []
  for (let i = 0; i < 60; i++) sent.push(await send(alice, roomId, `message ${i}`))
  await drain(server)
  gateway.take()
  gateway.behave('ok')
  clock.advance(hour)
  const pushes = await pushesOf(server, gateway)
  assert.deepEqual(
    pushes.map((push) => push.event_id),
    sent.slice(-50),
  )
  assert.deepEqual(pushes.at(-1)?.counts, { unread: 61 })
})

test('no gateway in our own network is reached unless that is allowed', async () => {
  await using gateway = await startPushGateway()
  await using server = await createTestServer({ config: { outbound: { allow_private_addresses: false } } })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  await setPusher(bob, gateway)
  await send(alice, roomId, 'hello')
  assert.deepEqual(await pushesOf(server, gateway), [])
  assert.equal((await stateOf(server))[0]?.last_error, 'blocked_address')
})

test('a gateway that is set anew is tried at once', async () => {
  await using gateway = await startPushGateway()
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [bob])
  await setPusher(bob, { url: 'http://127.0.0.1:1/_matrix/push/v1/notify' })
  const eventId = await send(alice, roomId, 'hello')
  await drain(server)
  await setPusher(bob, gateway)
  assert.deepEqual(await idsOf(server, gateway), [eventId])
  await join(carol, roomId)
  await bob.post(at`/_matrix/client/v3/rooms/${roomId}/receipt/m.read/${eventId}`)
  assert.deepEqual(
    (await pushesOf(server, gateway)).map((push) => push.counts),
    [{ unread: 0 }],
  )
})
