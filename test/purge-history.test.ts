import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { at } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { purgeHistory } from './helpers/purges.ts'
import { checkIntegrity, countRows } from './helpers/room-integrity.ts'
import {
  act,
  allState,
  createRoom,
  errorOf,
  getEvent,
  join,
  publicRoom,
  send,
  setState,
  timeline,
} from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

const purgePath = (roomId: string) => at`/_synapse/admin/v1/purge_history/${roomId}`

const bodies = (events: readonly { content: JsonObject }[]) => events.flatMap(({ content }) => content.body ?? [])

async function found(user: TestUser, word: string): Promise<unknown[]> {
  const body = { search_categories: { room_events: { search_term: word } } }
  const answer = await user.post<{
    search_categories: { room_events: { results: { result: { content: JsonObject } }[] } }
  }>('/_matrix/client/v3/search', body)
  return answer.search_categories.room_events.results.map(({ result }) => result.content.body)
}

async function setUp(server: TestServer) {
  const [root, alice, bob] = [
    await server.user('root', { admin: true }),
    await server.user('alice'),
    await server.user('bob'),
  ]
  return { root, alice, bob }
}

for (const engine of engines) {
  test(`old history goes with what only it referred to (${engine})`, { skip: skipEngine(engine) }, async () => {
    await using server = await createTestServer({ engine })
    const { db } = server.context
    const { root, alice, bob } = await setUp(server)
    const roomId = await publicRoom(alice, [bob], { name: 'First' })
    const thread = await send(alice, roomId, 'old walrus')
    await send(bob, roomId, {
      msgtype: 'm.text',
      body: 'old reply',
      'm.relates_to': { rel_type: 'm.thread', event_id: thread },
    })
    await send(
      alice,
      roomId,
      { 'm.relates_to': { rel_type: 'm.annotation', event_id: thread, key: 'x' } },
      'm.reaction',
    )
    for (let i = 0; i < 30; i++) await setState(alice, roomId, 'm.room.name', { name: `Name ${i}` })
    await setState(bob, roomId, 'm.room.member', { membership: 'join', displayname: 'Robert' }, bob.userId)
    const mentioned = { msgtype: 'm.text', body: 'old', 'm.mentions': { user_ids: [alice.userId] } }
    await send(bob, roomId, mentioned)
    for (let i = 0; i < 200; i++) await send(alice, roomId, `old ${i}`)
    const first = await send(alice, roomId, 'kept walrus')
    await act(alice, roomId, `receipt/m.read/${encodeURIComponent(thread)}`)
    await send(bob, roomId, 'new')
    assert.deepEqual((await found(bob, 'walrus')).toSorted(), ['kept walrus', 'old walrus'])
    const before = await allState(bob, roomId)
    const { next_batch: since } = await sync(bob)
    const states = await countRows(db, 'states', '1 = 1')

    await purgeHistory(server, root, roomId, { purge_up_to_event_id: first, delete_local_events: true })

    await checkIntegrity(db)
    assert.deepEqual(bodies(await timeline(bob, roomId)), ['kept walrus', 'new'])
    assert.deepEqual(await found(bob, 'walrus'), ['kept walrus'])
    assert.equal(
      (await bob.request('GET', at`/_matrix/client/v3/rooms/${roomId}/event/${thread}`, { expect: 404 })).status,
      404,
    )
    const names = (events: readonly { event_id: string }[]) => events.map(({ event_id: id }) => id).toSorted()
    assert.deepEqual(names(await allState(bob, roomId)), names(before), 'the present of the room is what it was')
    assert.ok((await countRows(db, 'states', '1 = 1')) < states - 25, 'states that nothing needs are gone')
    assert.equal(await countRows(db, 'events', "json like '%Name 7%'"), 0)
    assert.equal(await countRows(db, 'relations', '1 = 1'), 0)
    assert.equal(await countRows(db, 'threads', '1 = 1'), 0)
    const context = await bob.get<{ events_before: []; events_after: { content: JsonObject }[] }>(
      at`/_matrix/client/v3/rooms/${roomId}/context/${first}`,
    )
    assert.deepEqual([bodies(context.events_before), bodies(context.events_after)], [[], ['new']])
    const { rooms } = await sync(bob, { since })
    assert.equal(rooms?.join?.[roomId], undefined, 'a purge is no news')
    const whole = (await sync(bob)).rooms?.join?.[roomId]
    assert.deepEqual(bodies(whole?.timeline.events ?? []), ['kept walrus', 'new'])

    await setState(alice, roomId, 'm.room.name', { name: 'Name 3' })
    await setState(alice, roomId, 'm.room.name', { name: 'Name 29' })
    await send(bob, roomId, 'newest')
    assert.deepEqual(bodies((await sync(bob, { since })).rooms?.join?.[roomId]?.timeline.events ?? []), ['newest'])
    await checkIntegrity(db)
  })
}

test('what users of this server sent stays, unless it is to go', async () => {
  await using server = await createTestServer()
  const { root, alice, bob } = await setUp(server)
  const roomId = await publicRoom(alice, [bob])
  const old = await send(alice, roomId, 'old')
  const last = await send(bob, roomId, 'new')
  const ids = async () => (await timeline(bob, roomId)).map(({ event_id: id }) => id)
  const before = await ids()
  await purgeHistory(server, root, roomId, { purge_up_to_event_id: last })
  assert.deepEqual(await ids(), before)
  await purgeHistory(server, root, roomId, { purge_up_to_event_id: last, delete_local_events: true })
  assert.equal(
    await errorOf(bob, 'GET', at`/_matrix/client/v3/rooms/${roomId}/event/${old}`, undefined, 404),
    'M_NOT_FOUND',
  )
  assert.deepEqual(
    (await timeline(bob, roomId)).map(({ type, content }) => content.body ?? type),
    ['m.room.member', 'm.room.member', 'new'],
    'by which users of ours are in the room stays in its place',
  )
})

test('a time does as well as an event, and the newest event always stays', async () => {
  await using server = await createTestServer()
  const { root, alice } = await setUp(server)
  const roomId = await createRoom(alice)
  await send(alice, roomId, 'one')
  const { origin_server_ts: ts } = (await getEvent(alice, roomId, await send(alice, roomId, 'two'))) as unknown as {
    origin_server_ts: number
  }
  await send(alice, roomId, 'three')
  await purgeHistory(server, root, roomId, { purge_up_to_ts: ts, delete_local_events: true })
  assert.equal(bodies(await timeline(alice, roomId)).at(-1), 'three')
  await purgeHistory(server, root, roomId, { purge_up_to_ts: Date.now() + 1_000_000, delete_local_events: true })
  assert.deepEqual(bodies(await timeline(alice, roomId)), ['three'])
  await send(alice, roomId, 'four')
  assert.deepEqual(bodies(await timeline(alice, roomId)), ['three', 'four'])
  await checkIntegrity(server.context.db)
})

test('unread messages that are gone count no more', async () => {
  await using server = await createTestServer()
  const { root, alice, bob } = await setUp(server)
  const roomId = await publicRoom(alice, [bob])
  const mention = (body: string) =>
    send(alice, roomId, { msgtype: 'm.text', body, 'm.mentions': { user_ids: [bob.userId] } })
  for (let i = 0; i < 5; i++) await mention(`old ${i}`)
  await send(alice, roomId, 'old without a mention')
  const first = await mention('new')
  const counts = async () => (await sync(bob)).rooms?.join?.[roomId]?.unread_notifications
  assert.deepEqual(await counts(), { notification_count: 7, highlight_count: 6 })
  await purgeHistory(server, root, roomId, { purge_up_to_event_id: first, delete_local_events: true })
  assert.deepEqual(await counts(), { notification_count: 1, highlight_count: 1 })
  await act(bob, roomId, `receipt/m.read/${encodeURIComponent(first)}`)
  assert.deepEqual(await counts(), { notification_count: 0, highlight_count: 0 })
  await mention('newer')
  assert.deepEqual(await counts(), { notification_count: 1, highlight_count: 1 })
})

test('somebody who has left sees to the end of the stay what is left of it', async () => {
  await using server = await createTestServer()
  const { root, alice, bob } = await setUp(server)
  const roomId = await publicRoom(alice, [bob])
  const first = await send(alice, roomId, 'during')
  await act(bob, roomId, 'leave')
  await send(alice, roomId, 'after')
  await purgeHistory(server, root, roomId, { purge_up_to_event_id: first, delete_local_events: true })
  assert.deepEqual(bodies(await timeline(bob, roomId)), ['during'])
  const last = await send(alice, roomId, 'last')
  await purgeHistory(server, root, roomId, { purge_up_to_event_id: last, delete_local_events: true })
  assert.deepEqual(bodies(await timeline(bob, roomId)), [])
  await join(bob, roomId)
  assert.deepEqual(bodies(await timeline(bob, roomId)), ['last'])
})

test('a purge says what it lacks, one at a time, and to administrators alone', async () => {
  await using server = await createTestServer()
  const { root, alice } = await setUp(server)
  const [roomId, other] = [await createRoom(alice), await createRoom(alice)]
  const event = await send(alice, other, 'elsewhere')
  const fail = (body: object, status: number, path = purgePath(roomId)) => errorOf(root, 'POST', path, body, status)
  assert.equal(await fail({}, 400), 'M_BAD_JSON')
  assert.equal(await fail({ purge_up_to_event_id: event }, 404), 'M_NOT_FOUND')
  assert.equal(await fail({ purge_up_to_event_id: '$none' }, 404), 'M_NOT_FOUND')
  assert.equal(await fail({ purge_up_to_ts: 1 }, 404, purgePath('!none:localhost')), 'M_NOT_FOUND')
  assert.equal(await errorOf(alice, 'POST', purgePath(roomId), { purge_up_to_ts: 1 }, 403), 'M_FORBIDDEN')
  assert.equal(
    await errorOf(root, 'GET', at`/_synapse/admin/v1/purge_history_status/${'none'}`, undefined, 404),
    'M_NOT_FOUND',
  )
  const path = at`/_synapse/admin/v1/purge_history/${other}/${event}`
  const { purge_id: id } = await root.post(path, { delete_local_events: true })
  await server.context.drain()
  assert.deepEqual(await root.get(at`/_synapse/admin/v1/purge_history_status/${String(id)}`), { status: 'complete' })
})

for (const engine of engines) {
  test(`people go on while history is removed (${engine})`, { skip: skipEngine(engine) }, async () => {
    await using server = await createTestServer({ engine })
    const { root, alice, bob } = await setUp(server)
    const roomId = await publicRoom(alice, [bob])
    const toggle = (user: TestUser, i: number) =>
      setState(user, roomId, 'org.example.toggle', { on: i % 3 }, user.userId)
    await setState(alice, roomId, 'm.room.power_levels', { state_default: 0 })
    for (let i = 0; i < 60; i++) {
      await toggle(alice, i)
      await send(bob, roomId, `old ${i}`)
    }
    const first = await send(alice, roomId, 'kept')
    const body = { purge_up_to_event_id: first, delete_local_events: true }
    const { purge_id: id } = await root.post(purgePath(roomId), body)
    const status = async () => (await root.get(at`/_synapse/admin/v1/purge_history_status/${String(id)}`)).status
    const sent: string[] = []
    for (let i = 0; (await status()) === 'active'; i++) {
      await toggle(alice, i)
      await toggle(bob, i)
      await send(bob, roomId, `new ${i}`)
      sent.push(`new ${i}`)
    }
    assert.equal(await status(), 'complete')
    assert.ok(sent.length > 0, 'it was over before anything was sent')
    await checkIntegrity(server.context.db)
    for (let i = 0; i < 4; i++) await toggle(alice, i)
    assert.deepEqual(bodies(await timeline(bob, roomId)), ['kept', ...sent])
    await checkIntegrity(server.context.db)
  })
}
