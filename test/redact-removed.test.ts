import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { act, getEvent, getState, join, publicRoom, send, setState, statePath, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const flag = 'org.matrix.msc4293.redact_events'
const drain = (server: TestServer) => server.context.jobs.drain()

async function bodies(user: TestUser, roomId: string, eventIds: readonly string[]) {
  const contents = await Promise.all(
    eventIds.map(async (eventId) => (await getEvent(user, roomId, eventId)).content.body),
  )
  return contents.map((body) => body ?? 'redacted')
}

testOnEngines('a ban takes what was sent since the user came, and nothing else', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await publicRoom(alice, [bob, carol])
  const earlier = await send(bob, roomId, 'before leaving')
  await act(bob, roomId, 'leave')
  await join(bob, roomId)
  const spam: string[] = []
  for (let i = 0; i < 120; i++) spam.push(await send(bob, roomId, `spam ${i}`))
  await bob.put(at`/_matrix/client/v3/profile/${bob.userId}/displayname`, { displayname: 'Not bob' })
  spam.push(await send(bob, roomId, 'under another name'))
  const kept = await send(carol, roomId, 'hers')
  const unread = async () => {
    const filter = JSON.stringify({ room: { timeline: { limit: 1 } } })
    const { rooms } = await alice.get<{
      rooms: { join: Record<string, { unread_notifications: { notification_count: number } }> }
    }>(`${v3}/sync`, { filter })
    return rooms.join[roomId]?.unread_notifications.notification_count
  }
  assert.equal(await unread(), 123)
  await act(alice, roomId, 'ban', { user_id: bob.userId, reason: 'spam', [flag]: true })
  await drain(server)
  assert.deepEqual(new Set(await bodies(carol, roomId, spam)), new Set(['redacted']))
  assert.deepEqual(await bodies(carol, roomId, [earlier, kept]), ['before leaving', 'hers'])
  const member = await getState(alice, roomId, 'm.room.member', bob.userId)
  assert.equal(member[flag], true)
  assert.equal(member.membership, 'ban')
  const { unsigned } = await getEvent(carol, roomId, spam[0] ?? '')
  const because = unsigned?.redacted_because as { type: string; sender: string; content: { reason: string } }
  assert.deepEqual([because.type, because.sender, because.content.reason], ['m.room.member', alice.userId, 'spam'])
  assert.equal(await unread(), 2)
  const found = await carol.post<{ search_categories: { room_events: { count: number } } }>(`${v3}/search`, {
    search_categories: { room_events: { search_term: 'spam' } },
  })
  assert.equal(found.search_categories.room_events.count, 0)
})

test('a kick may ask for it, also as state; threads and reactions lose what is redacted', async () => {
  await using server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob])
  const root = await send(alice, roomId, 'root')
  const reply = await send(bob, roomId, {
    msgtype: 'm.text',
    body: 'reply',
    'm.relates_to': { rel_type: 'm.thread', event_id: root },
  })
  await setState(alice, roomId, 'm.room.member', { membership: 'leave', [flag]: true }, bob.userId)
  await drain(server)
  assert.deepEqual(await bodies(alice, roomId, [reply]), ['redacted'])
  const relations = (await getEvent(alice, roomId, root)).unsigned?.['m.relations'] as
    | Record<string, unknown>
    | undefined
  assert.equal(relations?.['m.thread'], undefined)
})

test('who may not redact, and who leaves alone, redacts nothing', async () => {
  await using server = await createTestServer()
  const [alice, bob, mod] = [await server.user('alice'), await server.user('bob'), await server.user('mod')]
  const roomId = await publicRoom(alice, [bob, mod])
  const levels = await getState(alice, roomId, 'm.room.power_levels')
  await setState(alice, roomId, 'm.room.power_levels', { ...levels, users: { [mod.userId]: 50 }, redact: 60 })
  const first = await send(bob, roomId, 'first')
  await act(mod, roomId, 'kick', { user_id: bob.userId, [flag]: true })
  await drain(server)
  assert.deepEqual(await bodies(alice, roomId, [first]), ['first'])
  await join(bob, roomId)
  await setState(alice, roomId, 'm.room.power_levels', {
    ...levels,
    users: { [mod.userId]: 50 },
    events: { 'm.room.redaction': 60 },
  })
  const second = await send(bob, roomId, 'second')
  await act(mod, roomId, 'kick', { user_id: bob.userId, [flag]: true })
  await join(bob, roomId)
  const third = await send(bob, roomId, 'third')
  await bob.put(statePath(roomId, 'm.room.member', bob.userId), { membership: 'leave', [flag]: true })
  await join(bob, roomId)
  const fourth = await send(bob, roomId, 'fourth')
  await act(alice, roomId, 'kick', { user_id: bob.userId, [flag]: false })
  await act(alice, roomId, 'ban', { user_id: bob.userId })
  await act(alice, roomId, 'unban', { user_id: bob.userId, [flag]: true })
  await drain(server)
  assert.deepEqual(await bodies(alice, roomId, [second, third, fourth]), ['second', 'third', 'fourth'])
  const body = { user_id: bob.userId, [flag]: 'yes' }
  assert.equal((await act(alice, roomId, 'ban', body, 400)).errcode, 'M_BAD_JSON')
})
