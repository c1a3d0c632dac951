import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { temporaryFolder } from './helpers/program.ts'
import { act, createRoom, errorOf, join, publicRoom, send, setState, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

interface Notification {
  actions: (string | JsonObject)[]
  event: { event_id: string; type: string; content: JsonObject }
  read: boolean
  room_id: string
  ts: number
}

const list = (user: TestUser, query: Record<string, string | number> = {}) =>
  user.get<{ notifications: Notification[]; next_token?: string }>(`${v3}/notifications`, query)
const idsOf = (notifications: readonly Notification[]) => notifications.map(({ event }) => event.event_id)
const ids = async (user: TestUser, query: Record<string, string | number> = {}) =>
  idsOf((await list(user, query)).notifications)
const readUpTo = (user: TestUser, roomId: string, eventId: string, body: object = {}) =>
  user.post(at`/_matrix/client/v3/rooms/${roomId}/receipt/m.read/${eventId}`, body)
const mention = (user: TestUser, body = 'you') => ({
  msgtype: 'm.text',
  body,
  'm.mentions': { user_ids: [user.userId] },
})

testOnEngines('notifications of all rooms come newest first, page by page', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const rooms = [await publicRoom(alice, [bob]), await publicRoom(alice, [bob]), await publicRoom(alice, [bob])]
  const sent: string[] = []
  for (let i = 0; i < 9; i++) sent.unshift(await send(alice, rooms[(i * 2) % 3]!, `message ${i}`))
  assert.deepEqual(await ids(bob), sent)
  assert.deepEqual(await ids(alice), [])
  const paged: string[] = []
  for (let from: string | undefined = ''; from !== undefined; ) {
    const page: { notifications: Notification[]; next_token?: string } = await list(bob, { limit: 2, from })
    assert.ok(page.notifications.length <= 2)
    paged.push(...idsOf(page.notifications))
    from = page.next_token
  }
  assert.deepEqual(paged, sent)
})

test('a notification shows its event, its actions, its room and whether it was read', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  const root = await send(alice, roomId, 'one')
  const reply = await send(alice, roomId, {
    ...mention(bob),
    'm.relates_to': { rel_type: 'm.thread', event_id: root },
  })
  await readUpTo(bob, roomId, root, { thread_id: 'main' })
  const { notifications } = await list(bob)
  const [first, second] = notifications
  assert.deepEqual([first?.event.event_id, first?.read, first?.room_id], [reply, false, roomId])
  assert.deepEqual(first?.actions, ['notify', { set_tweak: 'sound', value: 'default' }, { set_tweak: 'highlight' }])
  assert.equal('room_id' in (first?.event ?? {}), false)
  assert.deepEqual([second?.event.event_id, second?.read, second?.event.content.body], [root, true, 'one'])
  assert.ok(Math.abs((second?.ts ?? 0) - Date.now()) < 60_000)
  await readUpTo(bob, roomId, reply)
  assert.deepEqual(
    (await list(bob)).notifications.map(({ read }) => read),
    [true, true],
  )
})

testOnEngines('highlights alone are found among any number of other messages', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [bob, carol])
  await bob.put(at`/_matrix/client/v3/pushrules/global/content/cake`, {
    actions: ['notify', { set_tweak: 'highlight' }],
    pattern: 'cake',
  })
  const named = await send(alice, roomId, mention(bob))
  await send(alice, roomId, mention(carol))
  const everybody = await send(alice, roomId, { msgtype: 'm.text', body: 'all', 'm.mentions': { room: true } })
  await send(carol, roomId, { msgtype: 'm.text', body: 'no power', 'm.mentions': { room: true } })
  for (let i = 0; i < 30; i++) await send(alice, roomId, `filler ${i}`)
  const keyword = await send(alice, roomId, 'have some cake')
  assert.deepEqual(await ids(bob, { only: 'highlight' }), [keyword, everybody, named])
  assert.deepEqual(await ids(bob, { only: 'highlight', limit: 1 }), [keyword])
  await readUpTo(bob, roomId, keyword)
  const { notifications } = await list(bob, { only: 'highlight' })
  assert.deepEqual(
    notifications.map(({ read }) => read),
    [true, true, true],
  )
  const { next_token: from = '' } = await list(bob, { only: 'highlight', limit: 1 })
  assert.deepEqual(await ids(bob, { only: 'highlight', from }), [everybody, named])
})

test('only what the user could be notified of is listed', async () => {
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [carol])
  await send(alice, roomId, mention(bob, 'before bob came'))
  await join(bob, roomId)
  const kept = await send(alice, roomId, 'kept')
  await send(alice, roomId, { msgtype: 'm.notice', body: 'a notice' })
  await setState(alice, roomId, 'm.room.topic', { topic: 'a topic' })
  const redacted = await send(alice, roomId, mention(bob, 'redacted'))
  await alice.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${redacted}/t`)
  await bob.put(at`/_matrix/client/v3/user/${bob.userId}/account_data/m.ignored_user_list`, {
    ignored_users: { [carol.userId]: {} },
  })
  await send(carol, roomId, mention(bob, 'from somebody ignored'))
  await act(bob, roomId, 'leave')
  await send(alice, roomId, mention(bob, 'while bob was away'))
  assert.deepEqual(await ids(bob), [])
  await join(bob, roomId)
  assert.deepEqual(await ids(bob), [kept])
  assert.deepEqual(await ids(bob, { only: 'highlight' }), [])
})

test('a pending invitation is listed', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await createRoom(alice, { invite: [bob.userId] })
  const { notifications } = await list(bob)
  assert.deepEqual(
    notifications.map(({ event, room_id, read }) => [event.type, event.content.membership, room_id, read]),
    [['m.room.member', 'invite', roomId, false]],
  )
  await act(bob, roomId, 'leave')
  assert.deepEqual(await ids(bob), [])
})

test('a page in which little notifies says where to go on', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  const old = await send(alice, roomId, 'old')
  const { rooms } = server.context
  const notice = { type: 'm.room.message', content: { msgtype: 'm.notice', body: 'quiet' } }
  await Promise.all(Array.from({ length: 1100 }, () => rooms.events.send({ userId: alice.userId }, roomId, notice)))
  const first = await list(bob)
  assert.deepEqual(first.notifications, [])
  assert.deepEqual(await ids(bob, { from: first.next_token ?? '' }), [old])
})

test('notifications outlive a restart, and wrong tokens are refused', async (t) => {
  const dataDir = temporaryFolder(t)
  const first = await createTestServer({ dataDir })
  const [alice, bob] = [await first.user('alice'), await first.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  const sent = [await send(alice, roomId, mention(bob)), await send(alice, roomId, 'two')].reverse()
  await first.stop()
  await using server = await createTestServer({ dataDir })
  const again = await server.login('bob')
  assert.deepEqual(await ids(again), sent)
  assert.deepEqual(await ids(again, { only: 'highlight' }), [sent[1]])
  assert.equal(await errorOf(again, 'GET', `${v3}/notifications?from=nonsense`, undefined, 400), 'M_INVALID_PARAM')
  assert.equal(await errorOf(again, 'GET', `${v3}/notifications?limit=many`, undefined, 400), 'M_INVALID_PARAM')
  assert.deepEqual(await ids(again, { from: 's999999999_0' }), sent)
  assert.deepEqual(await ids(again, { from: 's0_0' }), [])
})
