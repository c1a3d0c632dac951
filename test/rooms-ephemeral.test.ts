import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '../src/matrix/ids.ts'
import { createTestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { act, createRoom, errorOf, publicRoom, send } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const typingPath = (roomId: string, userId: string) => at`/_matrix/client/v3/rooms/${roomId}/typing/${userId}`
const receiptPath = (roomId: string, type: string, eventId: string) =>
  at`/_matrix/client/v3/rooms/${roomId}/receipt/${type}/${eventId}`

test('typing begins, ends, and ends by itself', async () => {
  const clock = createTestClock(Date.parse('2026-01-01'))
  await using server = await createTestServer({ clock })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  const { typing } = server.context.rooms
  const woken: string[] = []
  server.context.streams.subscribe(({ rooms = [] }) => void woken.push(...rooms))
  const start = typing.counter()
  const put = (user: TestUser, body: object) => user.put(typingPath(roomId, user.userId), body)
  await put(alice, { typing: true, timeout: 10_000 })
  await put(bob, { typing: true, timeout: null })
  assert.deepEqual(typing.users(roomId), [alice.userId, bob.userId])
  assert.deepEqual(typing.changedSince(start), [roomId])
  assert.deepEqual(woken, [roomId, roomId])
  const later = typing.counter()
  clock.advance(9000)
  await put(alice, { typing: true, timeout: 10_000 })
  assert.equal(typing.counter(), later)
  assert.deepEqual(typing.changedSince(later), [])
  clock.advance(9000)
  assert.deepEqual(typing.users(roomId), [alice.userId, bob.userId])
  clock.advance(1001)
  assert.deepEqual(typing.users(roomId), [bob.userId])
  await put(bob, { typing: false })
  assert.deepEqual(typing.users(roomId), [])
  assert.deepEqual(typing.changedSince(later), [roomId])
  await put(bob, { typing: true })
  await act(bob, roomId, 'leave')
  assert.deepEqual(typing.users(roomId), [])
})

test('nobody types for others, or where they are not', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await createRoom(alice)
  const put = (user: TestUser, userId: string, body: object, status: number) =>
    errorOf(user, 'PUT', typingPath(roomId, userId), body, status)
  assert.equal(await put(alice, bob.userId, { typing: true }, 403), 'M_FORBIDDEN')
  assert.equal(await put(bob, bob.userId, { typing: true }, 403), 'M_FORBIDDEN')
  assert.equal(await put(alice, alice.userId, {}, 400), 'M_MISSING_PARAM')
  assert.equal(await put(alice, alice.userId, { typing: 'yes' }, 400), 'M_BAD_JSON')
  assert.deepEqual(server.context.rooms.typing.users(roomId), [])
})

async function seenBy(server: TestServer, user: { userId: UserId }, roomId: string, after?: number) {
  const { db, rooms } = server.context
  return db.read(async (reader) => {
    const [room] = await rooms.reads.memberships(reader, user.userId, 'join')
    assert.ok(room !== undefined, roomId)
    return rooms.receipts.content(reader, user.userId, room.room_nid, { after })
  })
}

testOnEngines('receipts move forward only, and private ones are seen by nobody else', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  const [one, two] = [await send(alice, roomId, 'one'), await send(alice, roomId, 'two')]
  await bob.post(receiptPath(roomId, 'm.read', two), {})
  const seen = await seenBy(server, alice, roomId)
  assert.deepEqual(Object.keys(seen ?? {}), [two])
  const position = server.context.streams.position()
  await bob.post(receiptPath(roomId, 'm.read', one), {})
  assert.equal(await seenBy(server, alice, roomId, position), undefined)
  await bob.post(receiptPath(roomId, 'm.read.private', two), {})
  assert.equal(await seenBy(server, alice, roomId, position), undefined)
  const own = (await seenBy(server, bob, roomId, position)) as Record<string, Record<string, object>>
  assert.deepEqual(Object.keys(own[two] ?? {}), ['m.read.private'])
})

test('threaded and unthreaded receipts are kept apart; on one event the unthreaded one shows', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  const root = await send(alice, roomId, 'root')
  const relation = { 'm.relates_to': { rel_type: 'm.thread', event_id: root } }
  const reply = await send(alice, roomId, { msgtype: 'm.text', body: 'reply', ...relation })
  const main = await send(alice, roomId, 'main')
  const reaction = { 'm.relates_to': { rel_type: 'm.annotation', event_id: reply, key: 'x' } }
  const inThread = await send(alice, roomId, reaction, 'm.reaction')
  const post = (eventId: string, thread: unknown, status = 200, type = 'm.read') =>
    errorOf(bob, 'POST', receiptPath(roomId, type, eventId), { thread_id: thread }, status)
  await post(reply, root)
  await post(main, 'main')
  await post(reply, undefined)
  await post(inThread, root)
  const seen = (await seenBy(server, alice, roomId)) as Record<string, Record<string, Record<string, object>>>
  const of = (eventId: string) => Object.keys(seen[eventId]?.['m.read']?.[bob.userId] ?? {}).sort()
  assert.deepEqual(of(reply), ['ts'])
  assert.deepEqual(of(main), ['thread_id', 'ts'])
  assert.deepEqual(of(inThread), ['thread_id', 'ts'])
  for (const wrong of [7, '', {}]) assert.equal(await post(main, wrong, 400), 'M_INVALID_PARAM')
  assert.equal(await post(main, root, 400), 'M_INVALID_PARAM')
  assert.equal(await post(reply, 'main', 400), 'M_INVALID_PARAM')
  await post(root, root)
  await post(root, 'main')
  assert.equal(await post(main, 'main', 400, 'm.fully_read'), 'M_INVALID_PARAM')
  assert.equal(await post(main, undefined, 400, 'm.written'), 'M_INVALID_PARAM')
  assert.equal(await post('$none', undefined, 400), 'M_INVALID_PARAM')
  const { rooms, db } = server.context
  const listed = await db.read(async (reader) => {
    const [room] = await rooms.reads.memberships(reader, bob.userId, 'join')
    return rooms.receipts.listOwn(reader, room?.room_nid ?? 0, bob.userId)
  })
  assert.deepEqual(
    listed.map(({ threadId, eventId }) => [threadId, eventId]).sort(),
    [
      [undefined, reply],
      ['main', main],
      [root, inThread],
    ].sort(),
  )
})

test('read markers set the fully-read marker and the receipts at once', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [bob])
  const other = await createRoom(alice)
  const [one, two] = [await send(alice, roomId, 'one'), await send(alice, roomId, 'two')]
  const elsewhere = await send(alice, other, 'elsewhere')
  const path = at`/_matrix/client/v3/rooms/${roomId}/read_markers`
  const marker = at`/_matrix/client/v3/user/${bob.userId}/rooms/${roomId}/account_data/m.fully_read`
  await bob.post(path, { 'm.fully_read': two, 'm.read': two, 'm.read.private': null, 'm.hidden': true })
  assert.deepEqual(await bob.get(marker), { event_id: two })
  assert.deepEqual(Object.keys((await seenBy(server, bob, roomId)) ?? {}), [two])
  await bob.post(path, { 'm.fully_read': one })
  assert.deepEqual(await bob.get(marker), { event_id: two })
  const three = await send(alice, roomId, 'three')
  await bob.post(receiptPath(roomId, 'm.fully_read', three), {})
  assert.deepEqual(await bob.get(marker), { event_id: three })
  await bob.post(path, {})
  assert.equal(await errorOf(bob, 'POST', path, { 'm.fully_read': elsewhere }, 400), 'M_INVALID_PARAM')
  assert.equal(await errorOf(bob, 'POST', path, { 'm.read': '$none' }, 400), 'M_INVALID_PARAM')
  assert.equal(await errorOf(carol, 'POST', path, { 'm.read': two }, 403), 'M_FORBIDDEN')
  assert.equal(await errorOf(carol, 'POST', path, {}, 403), 'M_FORBIDDEN')
})

testOnEngines('the local members of a room follow joins and leaves', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [])
  const { localMembers } = server.context.rooms
  const members = async () => [...(await localMembers.of(roomId))].sort()
  assert.deepEqual(await members(), [alice.userId])
  await bob.post(at`/_matrix/client/v3/join/${roomId}`, {})
  assert.deepEqual(await members(), [alice.userId, bob.userId])
  await act(alice, roomId, 'kick', { user_id: bob.userId })
  assert.deepEqual(await members(), [alice.userId])
  assert.deepEqual([...(await localMembers.of('!nowhere:localhost'))], [])
})
