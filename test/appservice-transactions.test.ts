import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { test } from 'node:test'
import {
  appserviceConfig,
  bodiesIn,
  createGhost,
  type FakeAppservice,
  registered,
  startAppservice,
} from './helpers/appservice.ts'
import { at } from './helpers/client.ts'
import { skipEngine } from './helpers/engines.ts'
import { act, createRoom, publicRoom, send, setState } from './helpers/rooms.ts'
import { createTestServer } from './helpers/server.ts'

const idsOf = (service: FakeAppservice) => service.events.map(({ event_id }) => event_id)
const textOf = (n: number) => `message ${n}`

for (const engine of ['sqlite', 'postgres'] as const) {
  test(`a service is told what concerns it, and nothing else (${engine})`, { skip: skipEngine(engine) }, async () => {
    await using service = await startAppservice()
    await using other = await startAppservice({ id: 'other' })
    await using server = await createTestServer({ engine, config: appserviceConfig(service, other) })
    const alice = await server.user('alice')
    const ghost = await createGhost(server, service, '_irc_a')
    const room = await publicRoom(alice, [])
    const unseen = await send(alice, room, 'before')
    const joined = await ghost.request('POST', at`/_matrix/client/v3/join/${room}`, { body: {} })
    assert.equal(joined.status, 200)
    const seen = await send(alice, room, 'hello')
    await createRoom(alice, { name: 'elsewhere' })
    await act(alice, room, 'kick', { user_id: ghost.userId })
    await send(alice, room, 'after')
    const invited = await createRoom(alice, { invite: [ghost.userId], name: 'Secret' })
    await server.context.appservices.drain()

    assert.ok(!idsOf(service).includes(unseen))
    assert.ok(idsOf(service).includes(seen))
    const [join_, message, kick, invite] = service.events
    assert.equal(service.events.length, 4)
    assert.deepEqual([join_?.type, join_?.sender, join_?.room_id], ['m.room.member', ghost.userId, room])
    assert.deepEqual([message?.content.body, message?.sender], ['hello', alice.userId])
    assert.deepEqual([kick?.content.membership, kick?.state_key], ['leave', ghost.userId])
    assert.equal(Object(kick?.unsigned).prev_content.membership, 'join')
    assert.equal(invite?.room_id, invited)
    const stripped = Object(invite?.unsigned).invite_room_state as { type: string; content: object }[]
    assert.deepEqual(stripped.find(({ type }) => type === 'm.room.name')?.content, { name: 'Secret' })
    assert.deepEqual(other.requests, [])
    for (const { method, headers, query } of service.requests) {
      assert.equal(method, 'PUT')
      assert.equal(headers.authorization, `Bearer ${service.hsToken}`)
      assert.equal(query.size, 0)
    }
  })
}

test('rooms and aliases of its namespaces concern a service whoever is in them', async () => {
  await using service = await startAppservice({
    registration: { namespaces: { rooms: [], aliases: [{ exclusive: false, regex: '#open.*' }] } },
  })
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const alice = await server.user('alice')
  const room = await createRoom(alice, { room_alias_name: 'open' })
  await send(alice, room, 'heard')
  const silent = await createRoom(alice)
  await send(alice, silent, 'unheard')
  await server.context.appservices.drain()
  assert.deepEqual(bodiesIn(service), ['heard'])
  await alice.delete(at`/_matrix/client/v3/directory/room/${'#open:localhost'}`)
  await send(alice, room, 'unheard')
  service.register({ namespaces: { rooms: [{ exclusive: false, regex: silent }] } })
  await server.context.reloadAppservices()
  await send(alice, silent, 'heard again')
  await server.context.appservices.drain()
  assert.deepEqual(bodiesIn(service), ['heard', 'heard again'])
})

test('the own user of a service is one of its users', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const alice = await server.user('alice')
  const as = server.client.as(service.asToken)
  const room = await createRoom(alice, { invite: ['@irc_bot:localhost'] })
  await as.post(at`/_matrix/client/v3/join/${room}`)
  await send(alice, room, 'hello')
  await as.put(at`/_matrix/client/v3/rooms/${room}/send/m.room.message/${'1'}`, { msgtype: 'm.text', body: 'hi' })
  await server.context.appservices.drain()
  assert.deepEqual(bodiesIn(service), ['hello', 'hi'])
})

test('transactions hold a hundred events at most and keep their order', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const alice = await server.user('alice')
  const ghost = await createGhost(server, service, '_irc_a')
  const rooms = [await publicRoom(alice, []), await publicRoom(alice, [])]
  for (const room of rooms) await ghost.request('POST', at`/_matrix/client/v3/join/${room}`, { body: {} })
  await server.context.appservices.drain()
  await service.kill()
  const sent: string[] = []
  for (let n = 0; n < 230; n++) {
    const room = rooms[n % 2] ?? ''
    await send(alice, room, textOf(n))
    sent.push(textOf(n))
  }
  await service.listen()
  await server.context.appservices.retry(registered(server))
  await service.until(() => bodiesIn(service).length >= sent.length, 'all messages')
  assert.deepEqual(bodiesIn(service), sent)
  const sizes = service.transactions.map(({ body }) => body.events.length)
  assert.ok(Math.max(...sizes) === 100, sizes.join())
  assert.equal(new Set(service.transactions.map(({ id }) => id)).size, service.transactions.length)
})

test('a transaction that was not confirmed is repeated under its id with the same events', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const alice = await server.user('alice')
  const ghost = await createGhost(server, service, '_irc_a')
  const room = await publicRoom(alice, [])
  await ghost.request('POST', at`/_matrix/client/v3/join/${room}`, { body: {} })
  await server.context.appservices.drain()
  const before = service.requests.length
  service.answer = () => ({ status: 500, body: { errcode: 'M_UNKNOWN' } })
  const first = await send(alice, room, 'one')
  await server.context.appservices.drain()
  await send(alice, room, 'two')
  await server.context.appservices.drain()
  for (let n = 0; n < 3; n++) {
    await server.context.appservices.retry(registered(server))
    await server.context.appservices.drain()
  }
  const attempts = service.requests.slice(before)
  assert.equal(attempts.length, 4)
  assert.equal(new Set(attempts.map(({ path }) => path)).size, 1)
  for (const { body } of attempts) {
    assert.deepEqual(
      (body.events as { event_id: string }[]).map(({ event_id }) => event_id),
      [first],
    )
  }
  service.answer = () => undefined
  await server.context.appservices.retry(registered(server))
  await server.context.appservices.drain()
  assert.deepEqual(bodiesIn(service), ['one', 'two'])
  assert.equal(service.transactions.at(-2)?.id, attempts[0]?.path.split('/').at(-1))
})

test('the queue outlives a restart, the transaction under way included', async () => {
  const dataDir = mkdtempSync(joinPath(tmpdir(), 'ringback-test-'))
  try {
    await using service = await startAppservice()
    const options = { dataDir, config: appserviceConfig(service) }
    const server = await createTestServer(options)
    const alice = await server.user('alice')
    const ghost = await createGhost(server, service, '_irc_a')
    const room = await publicRoom(alice, [])
    await ghost.request('POST', at`/_matrix/client/v3/join/${room}`, { body: {} })
    await server.context.appservices.drain()
    service.answer = () => ({ status: 502 })
    for (let n = 0; n < 5; n++) await send(alice, room, textOf(n))
    await server.context.appservices.drain()
    const attempted = service.requests.at(-1)?.path
    await server.stop()
    service.answer = () => undefined
    const confirmed = service.transactions.length

    await using restarted = await createTestServer(options)
    await restarted.context.appservices.retry(registered(restarted))
    await restarted.context.appservices.drain()
    assert.deepEqual(bodiesIn(service, room), [0, 1, 2, 3, 4].map(textOf))
    assert.equal(
      `/_matrix/app/v1/transactions/${service.transactions[confirmed]?.id}`,
      attempted?.replace(/^\/transactions/, '/_matrix/app/v1/transactions'),
    )
    const again = await restarted.login('alice')
    await send(again, room, 'after')
    await restarted.context.appservices.drain()
    assert.equal(bodiesIn(service).at(-1), 'after')
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})

test('slow, huge, redirecting and dead services hold up nobody else', async () => {
  await using slow = await startAppservice({ id: 'slow' })
  await using huge = await startAppservice({ id: 'huge' })
  await using lost = await startAppservice({ id: 'lost' })
  await using dead = await startAppservice({ id: 'dead' })
  await using fine = await startAppservice({ id: 'fine' })
  await using elsewhere = await startAppservice({ id: 'elsewhere' })
  const all = [slow, huge, lost, dead, fine]
  await using server = await createTestServer({ config: appserviceConfig(...all) })
  const alice = await server.user('alice')
  const invite = []
  for (const [n, service] of all.entries()) {
    const id = ['slow', 'huge', 'lost', 'dead', 'fine'][n]
    invite.push((await createGhost(server, service, `_${id}_a`)).userId)
  }
  await server.context.appservices.drain()
  slow.answer = () => 'handled'
  huge.answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const chunk = Buffer.alloc(64 * 1024, 'x')
    const pour = () => {
      while (!response.destroyed && response.write(chunk));
    }
    response.on('drain', pour)
    pour()
    return 'handled'
  }
  lost.answer = ({ path }) => ({ status: 307, headers: { location: `${elsewhere.url}${path}` } })
  await dead.kill()
  const room = await createRoom(alice, { invite })
  await send(alice, room, 'hello')
  await fine.until(() => fine.events.some(({ state_key }) => state_key === '@_fine_a:localhost'), 'the invitation')
  await huge.until(() => huge.requests.length > 0, 'a request')
  await lost.until(() => lost.requests.length > 0, 'a request')
  assert.deepEqual(elsewhere.requests, [], 'the token would have been given away')
  assert.equal(slow.transactions.length, 0)
  assert.equal(lost.transactions.length, 0)
})

test('legacy paths are tried where a service does not know those of today', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const alice = await server.user('alice')
  service.answer = ({ path }) => (path.startsWith('/_matrix/app/v1/') ? { status: 404 } : undefined)
  const ghost = await createGhost(server, service, '_irc_a')
  const room = await createRoom(alice, { invite: [ghost.userId] })
  await server.context.appservices.drain()
  assert.equal(service.events[0]?.room_id, room)
  const [newer, older] = service.requests
  assert.equal(older?.path, newer?.path.replace('/_matrix/app/v1', ''))
  assert.equal(older?.query.get('access_token'), service.hsToken)
  assert.equal(older?.headers.authorization, `Bearer ${service.hsToken}`)
})

test('a service without an address is told nothing, and one that is registered no more is forgotten', async () => {
  await using service = await startAppservice({ registration: { url: null } })
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const alice = await server.user('alice')
  const ghost = await createGhost(server, service, '_irc_a')
  const room = await publicRoom(alice, [])
  await ghost.request('POST', at`/_matrix/client/v3/join/${room}`, { body: {} })
  await send(alice, room, 'unheard')
  service.register({ url: service.url })
  await server.context.reloadAppservices()
  await send(alice, room, 'heard')
  await server.context.appservices.drain()
  assert.deepEqual(bodiesIn(service), ['heard'], 'who was there before counts once there is an address')
  const { db } = server.context
  service.register({ id: 'renamed', url: service.url })
  await server.context.reloadAppservices()
  const left = await db.read(async (reader) => reader.qb.selectFrom('appservice_members').selectAll().execute())
  assert.deepEqual([...new Set(left.map(({ appservice_id }) => appservice_id))], ['renamed'])
})

test('events that were redacted meanwhile come without their content', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const alice = await server.user('alice')
  const room = await createRoom(alice, { invite: ['@irc_bot:localhost'] })
  await server.client.as(service.asToken).post(at`/_matrix/client/v3/join/${room}`)
  await server.context.appservices.drain()
  await service.kill()
  const secret = await send(alice, room, 'secret')
  await alice.put(at`/_matrix/client/v3/rooms/${room}/redact/${secret}/${'r'}`)
  await setState(alice, room, 'm.room.topic', { topic: 'end' })
  await service.listen()
  await server.context.appservices.retry(registered(server))
  await service.until(() => service.events.some(({ type }) => type === 'm.room.topic'))
  const redacted = service.events.find(({ event_id }) => event_id === secret)
  assert.deepEqual(redacted?.content, {})
  assert.equal(Object(redacted?.unsigned).redacted_because.type, 'm.room.redaction')
})

test('what is large is spread over transactions that services can take', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const alice = await server.user('alice')
  const room = await createRoom(alice, { invite: ['@irc_bot:localhost'] })
  await server.client.as(service.asToken).post(at`/_matrix/client/v3/join/${room}`)
  await server.context.appservices.drain()
  await service.kill()
  const sent: string[] = []
  for (let n = 0; n < 60; n++) sent.push(await send(alice, room, `${n} ${'x'.repeat(60_000)}`))
  await service.listen()
  await server.context.appservices.retry(registered(server))
  await service.until(() => idsOf(service).length > sent.length, 'all messages')
  assert.deepEqual(idsOf(service).slice(-sent.length), sent)
  const sizes = service.transactions.map(({ body }) => JSON.stringify(body).length)
  assert.ok(Math.max(...sizes) < 2.5 * 1024 * 1024, sizes.join())
})
