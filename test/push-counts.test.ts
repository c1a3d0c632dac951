import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { act, createRoom, join, publicRoom, send, setState } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

const byThread = { room: { timeline: { unread_thread_notifications: true } } }

async function unread(user: TestUser, roomId: string): Promise<[number, number] | undefined> {
  const counts = (await sync(user)).rooms?.join?.[roomId]?.unread_notifications
  return counts && [counts.notification_count, counts.highlight_count]
}

async function unreadByThread(user: TestUser, roomId: string): Promise<Record<string, [number, number]>> {
  const room = (await sync(user, { filter: byThread })).rooms?.join?.[roomId]
  const all = Object.entries({ main: room?.unread_notifications, ...room?.unread_thread_notifications })
  return Object.fromEntries(all.map(([id, n]) => [id, [n?.notification_count ?? 0, n?.highlight_count ?? 0]]))
}

function receipt(user: TestUser, roomId: string, eventId: string, threadId?: string, type = 'm.read') {
  const path = at`/_matrix/client/v3/rooms/${roomId}/receipt/${type}/${eventId}`
  return user.post(path, threadId === undefined ? {} : { thread_id: threadId })
}

const text = (body: string, others: object = {}) => ({ msgtype: 'm.text', body, ...others })
const inThread = (root: string, body = 'reply') =>
  text(body, { 'm.relates_to': { rel_type: 'm.thread', event_id: root } })

testOnEngines('messages count for everybody but their sender, until they are read', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [bob])
  const first = await send(alice, roomId, 'one')
  await send(alice, roomId, 'two')
  await send(alice, roomId, { ciphertext: '' }, 'm.room.encrypted')
  await send(alice, roomId, { msgtype: 'm.notice', body: 'quiet' })
  await setState(alice, roomId, 'm.room.topic', { topic: 'quiet too' })
  await join(carol, roomId)
  assert.deepEqual(await unread(alice, roomId), [0, 0])
  assert.deepEqual(await unread(bob, roomId), [3, 0])
  assert.deepEqual(await unread(carol, roomId), [0, 0])
  await receipt(bob, roomId, first)
  assert.deepEqual(await unread(bob, roomId), [2, 0])
  const last = await send(
    alice,
    roomId,
    text('look', { 'm.mentions': { user_ids: [bob.userId, '@nobody:elsewhere'] } }),
  )
  assert.deepEqual(await unread(bob, roomId), [3, 1])
  assert.deepEqual(await unread(carol, roomId), [1, 0])
  await receipt(bob, roomId, last, undefined, 'm.read.private')
  assert.deepEqual(await unread(bob, roomId), [0, 0])
  await receipt(bob, roomId, first)
  assert.deepEqual(await unread(bob, roomId), [0, 0])
  await send(carol, roomId, 'me too')
  assert.deepEqual(await unread(carol, roomId), [0, 0])
  await act(carol, roomId, 'leave')
  await send(alice, roomId, 'gone?')
  await join(carol, roomId)
  assert.deepEqual(await unread(carol, roomId), [0, 0])
  assert.deepEqual(await unread(bob, roomId), [2, 0])
})

testOnEngines('counts are split by thread for those who ask', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  const root = await send(alice, roomId, 'root')
  const other = await send(alice, roomId, 'other root')
  const reply = await send(alice, roomId, inThread(root))
  await send(alice, roomId, inThread(root, 'again'))
  await send(alice, roomId, inThread(other))
  assert.deepEqual(await unread(bob, roomId), [5, 0])
  assert.deepEqual(await unreadByThread(bob, roomId), { main: [2, 0], [root]: [2, 0], [other]: [1, 0] })
  await receipt(bob, roomId, reply, root)
  assert.deepEqual(await unreadByThread(bob, roomId), { main: [2, 0], [root]: [1, 0], [other]: [1, 0] })
  await receipt(bob, roomId, other, 'main')
  assert.deepEqual(await unreadByThread(bob, roomId), { main: [0, 0], [root]: [1, 0], [other]: [1, 0] })
  await send(bob, roomId, inThread(other, 'mine'))
  assert.deepEqual(await unreadByThread(bob, roomId), { main: [0, 0], [root]: [1, 0] })
  assert.deepEqual(await unread(bob, roomId), [1, 0])
  const last = await send(alice, roomId, inThread(other, 'last'))
  await receipt(bob, roomId, last)
  assert.deepEqual(await unreadByThread(bob, roomId), { main: [0, 0] })
})

test('a message to the whole room is a highlight if its sender may write such', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  await send(alice, roomId, text('all of you', { 'm.mentions': { room: true } }))
  await send(bob, roomId, text('may I?', { 'm.mentions': { room: true } }))
  assert.deepEqual(await unread(alice, roomId), [1, 0])
  await send(alice, roomId, text('again', { 'm.mentions': { room: true } }))
  assert.deepEqual(await unread(bob, roomId), [1, 1])
})

test('redacted messages count no longer', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  await send(alice, roomId, 'stays')
  const spam = await send(alice, roomId, text('spam', { 'm.mentions': { user_ids: [bob.userId] } }))
  assert.deepEqual(await unread(bob, roomId), [2, 1])
  await alice.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${spam}/t`, {})
  assert.deepEqual(await unread(bob, roomId), [1, 0])
  await send(alice, roomId, 'more')
  assert.deepEqual(await unread(bob, roomId), [2, 0])
})

test('muted rooms, keywords and ignored users count by the rules of each user', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [bob, carol])
  const elsewhere = await publicRoom(alice, [bob, carol])
  await send(alice, roomId, 'before')
  await bob.put(at`/_matrix/client/v3/pushrules/global/room/${roomId}`, { actions: [] })
  const cake = { actions: ['notify', { set_tweak: 'highlight' }], pattern: 'cake' }
  await carol.put(at`/_matrix/client/v3/pushrules/global/content/cake`, cake)
  for (const id of [roomId, elsewhere]) await send(alice, id, 'there is cake')
  assert.deepEqual(
    [await unread(bob, roomId), await unread(bob, elsewhere)],
    [
      [1, 0],
      [1, 0],
    ],
  )
  assert.deepEqual(
    [await unread(carol, roomId), await unread(carol, elsewhere)],
    [
      [2, 1],
      [1, 1],
    ],
  )
  const ignored = at`/_matrix/client/v3/user/${carol.userId}/account_data/m.ignored_user_list`
  await carol.put(ignored, { ignored_users: { [alice.userId]: {} } })
  await send(alice, roomId, 'more cake')
  assert.deepEqual(await unread(carol, roomId), [2, 1])
  await carol.put(ignored, { ignored_users: {} })
  await send(alice, roomId, 'more cake')
  assert.deepEqual(await unread(carol, roomId), [3, 2])
})

test('a message in a room of many members writes as many rows as in a small one', async () => {
  await using server = await createTestServer()
  const { db } = server.context
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const small = await createRoom(alice)
  const large = await publicRoom(alice, [bob])
  const rows = await db.write('members', async (tx) => {
    const room = await tx.qb
      .selectFrom('rooms')
      .select('room_nid')
      .where('room_id', '=', large)
      .executeTakeFirstOrThrow()
    const like = { room_nid: room.room_nid, class_nid: 0, past_classes: '[]', floor_pos: 0, main_pos: 0 }
    const bases = { room_notifications: 0, room_highlights: 0, main_notifications: 0, main_highlights: 0 }
    for (let i = 0; i < 2000; i++) {
      await tx.qb
        .insertInto('push_members')
        .values({ ...like, ...bases, user_id: `@u${i}:localhost` })
        .execute()
    }
    return room.room_nid
  })
  const changes = () =>
    db.write(
      'count changes',
      async (tx) => (await tx.execute<{ n: number }>('select total_changes() as n', [])).rows[0]?.n ?? 0,
    )
  const cost = async (roomId: string) => {
    const before = await changes()
    await send(alice, roomId, 'hello')
    return (await changes()) - before
  }
  await cost(large)
  assert.equal(await cost(large), await cost(small))
  const counts = await db.read((reader) => server.context.push.counts(reader, '@u7:localhost' as never, rows))
  assert.equal(counts.notificationCount, 2)
})
