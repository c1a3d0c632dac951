import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { image } from './helpers/deliveries.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { download, mediaFiles, upload } from './helpers/media.ts'
import { type Deletion, deleteRoom, purgeHistory } from './helpers/purges.ts'
import { checkIntegrity, countRows } from './helpers/room-integrity.ts'
import { act, createRoom, errorOf, getState, join, publicRoom, send, setState, timeline } from './helpers/rooms.ts'
import { createTestServer, type TestServer } from './helpers/server.ts'
import { elementExtensions, elementList, sliding } from './helpers/sliding.ts'
import { sync } from './helpers/sync.ts'

const day = 24 * 3_600_000

async function setUp(server: TestServer) {
  return {
    root: await server.user('root', { admin: true }),
    alice: await server.user('alice'),
    bob: await server.user('bob'),
  }
}

for (const engine of engines) {
  test(`a room goes with everything of it, and its people learn of it (${engine})`, {
    skip: skipEngine(engine),
  }, async () => {
    const clock = createTestClock()
    await using server = await createTestServer({ engine, clock })
    const { db } = server.context
    const { root, alice, bob } = await setUp(server)
    const roomId = await publicRoom(alice, [bob], { name: 'Doomed', room_alias_name: 'doomed', visibility: 'public' })
    const carol = await server.user('carol')
    await act(alice, roomId, 'invite', { user_id: carol.userId })
    const other = await publicRoom(alice, [bob], { name: 'Other' })
    await send(alice, other, 'elsewhere')
    const mention = { msgtype: 'm.text', body: 'walrus', 'm.mentions': { user_ids: [bob.userId] } }
    const event = await send(alice, roomId, mention)
    for (let i = 0; i < 120; i++) await setState(alice, roomId, 'm.room.topic', { topic: `Topic ${i}` })
    await act(bob, roomId, `receipt/m.read/${encodeURIComponent(event)}`)
    await send(bob, roomId, {
      msgtype: 'm.text',
      body: 'yes',
      'm.relates_to': { rel_type: 'm.thread', event_id: event },
    })
    const { next_batch: since } = await sync(bob)
    const listed = async () =>
      (await root.get<{ rooms: { room_id: string }[] }>('/_synapse/admin/v1/rooms')).rooms.map(({ room_id: id }) => id)
    assert.ok((await listed()).includes(roomId))
    const roomNid = (await db.read((reader) => server.context.rooms.reads.roomById(reader, roomId)))?.nid

    const done = await deleteRoom(server, clock, root, roomId)

    assert.deepEqual([done.status, done.error], ['complete', undefined])
    assert.deepEqual(
      done.shutdown_room.kicked_users.toSorted(),
      [alice, bob, carol].map(({ userId }) => userId),
    )
    assert.deepEqual([done.shutdown_room.failed_to_kick_users, done.shutdown_room.new_room_id], [[], null])
    await checkIntegrity(db)
    assert.deepEqual(await listed(), [other])
    assert.equal(await errorOf(root, 'GET', at`/_synapse/admin/v1/rooms/${roomId}`, undefined, 404), 'M_NOT_FOUND')
    assert.equal(
      await errorOf(bob, 'GET', at`/_matrix/client/v3/rooms/${roomId}/messages?dir=b`, undefined, 403),
      'M_FORBIDDEN',
    )
    const { rooms } = await sync(bob, { since })
    assert.equal(rooms?.leave?.[roomId]?.timeline.events.at(-1)?.content.membership, 'leave')
    assert.deepEqual(Object.keys((await sync(bob)).rooms?.join ?? {}), [other])
    await alice.request('GET', '/_matrix/client/v3/directory/room/%23doomed%3Alocalhost', { expect: 404 })
    assert.deepEqual(
      [
        await countRows(db, 'events', `room_nid = ${roomNid} and type <> 'm.room.member'`),
        await countRows(db, 'events', "json like '%walrus%' or json like '%Topic%'"),
        await countRows(db, 'states', `room_nid = ${roomNid}`),
        await countRows(db, 'push_totals', `room_nid = ${roomNid}`),
        await countRows(db, 'push_members', `room_nid = ${roomNid}`),
        await countRows(db, 'receipts', `room_nid = ${roomNid}`),
        await countRows(db, 'threads', `room_nid = ${roomNid}`),
        await countRows(db, 'current_state', `room_nid = ${roomNid}`),
      ],
      [0, 0, 0, 0, 0, 0, 0, 0],
    )
    assert.equal((await timeline(bob, other)).at(-1)?.content.body, 'elsewhere')
    await join(bob, roomId, 404)
    await act(bob, roomId, 'forget')
    assert.deepEqual(
      (
        await root.get<{ results: { status: string }[] }>(at`/_synapse/admin/v2/rooms/${roomId}/delete_status`)
      ).results.map(({ status }) => status),
      ['complete'],
    )
    const fresh = await publicRoom(alice, [bob])
    await setState(alice, fresh, 'm.room.topic', { topic: 'Fresh' })
    assert.equal((await getState(bob, fresh, 'm.room.topic')).topic, 'Fresh')
    await checkIntegrity(db)
  })
}

test('people are moved to a new room that says why, with the aliases', async () => {
  const clock = createTestClock()
  await using server = await createTestServer({ clock })
  const { root, alice, bob } = await setUp(server)
  const roomId = await publicRoom(alice, [bob], { room_alias_name: 'doomed' })
  const done = await deleteRoom(server, clock, root, roomId, {
    new_room_user_id: root.userId,
    room_name: 'Gone',
    message: 'That is why',
    block: true,
    purge: false,
  })
  const newRoom = String(done.shutdown_room.new_room_id)
  assert.deepEqual(done.shutdown_room.local_aliases, ['#doomed:localhost'])
  assert.equal((await getState(bob, newRoom, 'm.room.name')).name, 'Gone')
  assert.equal(
    (await timeline(bob, newRoom)).find(({ type }) => type === 'm.room.message')?.content.body,
    'That is why',
  )
  await bob.request('PUT', at`/_matrix/client/v3/rooms/${newRoom}/send/m.room.message/${'x'}`, {
    body: { msgtype: 'm.text', body: 'but' },
    expect: 403,
  })
  assert.deepEqual(Object.keys((await sync(bob)).rooms?.join ?? {}), [newRoom])
  assert.equal((await root.get(at`/_synapse/admin/v1/rooms/${roomId}`)).room_id, roomId, 'it was not to be removed')
  assert.equal((await join(bob, roomId, 403)).errcode, 'M_FORBIDDEN')
  const block = at`/_synapse/admin/v1/rooms/${roomId}/block`
  assert.deepEqual(await root.get(block), { block: true, user_id: root.userId })
  assert.deepEqual(await root.put(block, { block: false }), { block: false })
  assert.deepEqual(await root.get(block), { block: false })
  await join(bob, roomId)
})

test('a blocked room takes nobody, whether it is known or not', async () => {
  await using server = await createTestServer()
  const { root, alice, bob } = await setUp(server)
  const roomId = await publicRoom(alice, [])
  for (const room of [roomId, '!unknown:elsewhere.example']) {
    await root.put(at`/_synapse/admin/v1/rooms/${room}/block`, { block: true })
    assert.equal((await join(bob, room, 403)).errcode, 'M_FORBIDDEN')
    await bob.request('POST', at`/_matrix/client/v3/knock/${room}`, { body: {}, expect: 403 })
  }
  await act(alice, roomId, 'invite', { user_id: bob.userId }, 403)
  await send(alice, roomId, 'who is in goes on')
  assert.equal(await errorOf(alice, 'GET', at`/_synapse/admin/v1/rooms/${roomId}/block`, undefined, 403), 'M_FORBIDDEN')
  assert.equal(
    await errorOf(root, 'PUT', at`/_synapse/admin/v1/rooms/${'x'}/block`, { block: true }, 400),
    'M_INVALID_PARAM',
  )
})

test('the old request waits until the room is gone, and nothing goes twice at once', async () => {
  await using server = await createTestServer()
  const { root, alice, bob } = await setUp(server)
  const roomId = await publicRoom(alice, [bob])
  const moved = (await root.delete(at`/_synapse/admin/v1/rooms/${roomId}`, {})) as unknown as Deletion['shutdown_room']
  assert.deepEqual(
    [moved.kicked_users.toSorted(), moved.failed_to_kick_users, moved.new_room_id],
    [[alice.userId, bob.userId], [], null],
  )
  assert.equal(await errorOf(root, 'DELETE', at`/_synapse/admin/v1/rooms/${roomId}`, {}, 404), 'M_NOT_FOUND')
  assert.equal(
    await errorOf(root, 'GET', at`/_synapse/admin/v2/rooms/delete_status/${'none'}`, undefined, 404),
    'M_NOT_FOUND',
  )
  assert.equal(
    await errorOf(root, 'GET', at`/_synapse/admin/v2/rooms/${'!none:x'}/delete_status`, undefined, 404),
    'M_NOT_FOUND',
  )
  const other = await createRoom(alice)
  for (const user of [alice, bob]) {
    assert.equal(await errorOf(user, 'DELETE', at`/_synapse/admin/v2/rooms/${other}`, {}, 403), 'M_FORBIDDEN')
  }
  assert.equal(
    await errorOf(
      root,
      'DELETE',
      at`/_synapse/admin/v2/rooms/${other}`,
      { new_room_user_id: '@x:elsewhere.example' },
      400,
    ),
    'M_INVALID_PARAM',
  )
  const answers = await Promise.all(
    [1, 2].map(() => root.request('DELETE', at`/_synapse/admin/v2/rooms/${other}`, { body: {} })),
  )
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 400], 'the second is refused')
})

test('a connection of sliding sync is told that a room is left, and goes on', async () => {
  const clock = createTestClock()
  await using server = await createTestServer({ clock })
  const { root, alice, bob } = await setUp(server)
  const [roomId, other] = [await publicRoom(alice, [bob]), await publicRoom(alice, [bob])]
  await send(alice, roomId, 'old')
  const request = { lists: { all: elementList(20) }, extensions: elementExtensions }
  const begun = await sliding(bob, request)
  assert.deepEqual(Object.keys(begun.rooms).toSorted(), [roomId, other].toSorted())
  const first = await send(alice, roomId, 'new')
  await purgeHistory(server, root, roomId, { purge_up_to_event_id: first, delete_local_events: true })
  const purged = await sliding(bob, request, begun.pos, { timeout: 0 })
  assert.equal(purged.rooms[roomId]?.timeline?.at(-1)?.content.body, 'new')
  await deleteRoom(server, clock, root, roomId)
  const left = await sliding(bob, request, purged.pos, { timeout: 0 })
  assert.equal(left.rooms[roomId]?.timeline?.at(-1)?.content.membership, 'leave')
  await send(alice, other, 'goes on')
  const on = await sliding(bob, request, left.pos, { timeout: 0 })
  assert.deepEqual(Object.keys(on.rooms), [other])
  assert.deepEqual(Object.keys((await sliding(bob, request)).rooms), [other])
})

test('files that only removed messages show are deleted, but for what is held or quarantined', async () => {
  const clock = createTestClock()
  await using server = await createTestServer({ clock })
  const { root, alice, bob } = await setUp(server)
  const roomId = await publicRoom(alice, [bob])
  const other = await createRoom(alice)
  const files = [] as string[]
  for (let i = 0; i < 5; i++) files.push(await upload(alice, randomBytes(1_000 + i)))
  const [gone = '', shared = '', held = '', quarantined = '', kept = ''] = files
  for (const mxc of [gone, shared, held, quarantined]) await send(alice, roomId, image(mxc))
  await send(alice, other, image(shared))
  const first = await send(alice, roomId, image(kept))
  await root.post('/_ringback/admin/v1/holds', { mxc: held, note: 'court' })
  await root.post(`/_synapse/admin/v1/media/quarantine/${quarantined.slice('mxc://'.length)}`)
  const status = async (mxc: string) => (await download(alice, mxc)).status
  const pass = async (ms: number) => {
    clock.advance(ms)
    await server.context.media.delivery.idle()
    await server.context.jobs.drain()
    await server.context.media.delivery.sweep(AbortSignal.timeout(10_000))
    await server.context.jobs.drain()
  }
  await purgeHistory(server, root, roomId, { purge_up_to_event_id: first, delete_local_events: true })
  await pass(day - 1)
  assert.equal(await status(gone), 200, 'the grace for what is taken back holds here, too')
  await pass(60_000)
  assert.deepEqual(
    [await status(gone), await status(shared), await status(held), await status(kept)],
    [404, 200, 200, 200],
  )
  assert.equal(mediaFiles(server.dataDir).length, 4)
  await root.post('/_ringback/admin/v1/holds', { room_id: other, note: 'court' })
  for (const room of [roomId, other]) await deleteRoom(server, clock, root, room)
  await pass(day + 60_000)
  assert.deepEqual([await status(kept), await status(held)], [404, 200])
  assert.equal(await status(shared), 200, 'the room in which it was shown last is under a legal hold')
  assert.equal(mediaFiles(server.dataDir).length, 3, 'what is quarantined is there')
})
