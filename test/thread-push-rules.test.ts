import assert from 'node:assert/strict'
import { at } from './helpers/client.ts'
import { testOnEngines } from './helpers/engines.ts'
import { relate, reply } from './helpers/relations.ts'
import { errorOf, publicRoom, send, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

const ids = ['unsubscribed_thread', 'subscribed_thread'].map((name) => `.io.element.msc4306.rule.${name}`)
const rulePath = (kind: string, id: string) => at`/_matrix/client/v3/pushrules/global/${kind}/${id}`
const follow = (user: TestUser, roomId: string, root: string) =>
  user.put(at`/_matrix/client/unstable/io.element.msc4306/rooms/${roomId}/thread/${root}/subscription`)

async function counts(user: TestUser, roomId: string) {
  const filter = { room: { timeline: { unread_thread_notifications: true } } }
  const room = (await sync(user, { filter })).rooms?.join?.[roomId]
  const threads = Object.entries(room?.unread_thread_notifications ?? {})
  return {
    main: room?.unread_notifications?.notification_count,
    threads: Object.fromEntries(threads.map(([root, { notification_count: n }]) => [root, n])),
  }
}

testOnEngines('whoever asks for it hears only of threads that they follow', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob, carol, dora] = [
    await server.user('alice'),
    await server.user('bob'),
    await server.user('carol'),
    await server.user('dora'),
  ]
  for (const user of [bob, carol]) {
    for (const id of ids) await user.put(`${rulePath('postcontent', id)}/enabled`, { enabled: true })
  }
  const roomId = await publicRoom(alice, [bob, carol, dora])
  await carol.put(rulePath('room', roomId), { actions: [] })
  const [followed, other] = [await send(alice, roomId, 'one'), await send(alice, roomId, 'two')]
  for (const user of [bob, carol]) await follow(user, roomId, followed)
  await reply(alice, roomId, followed)
  await reply(alice, roomId, other)
  await reply(alice, roomId, other)
  assert.deepEqual(await counts(bob, roomId), { main: 2, threads: { [followed]: 1 } })
  // The room is silent, the thread is not.
  assert.deepEqual(await counts(carol, roomId), { main: 0, threads: { [followed]: 1 } })
  assert.deepEqual(await counts(dora, roomId), { main: 2, threads: { [followed]: 1, [other]: 2 } })
  await relate(alice, roomId, 'm.thread', other, {
    type: 'm.room.message',
    msgtype: 'm.text',
    body: 'bob',
    'm.mentions': { user_ids: [bob.userId] },
  })
  assert.deepEqual((await counts(bob, roomId)).threads, { [followed]: 1, [other]: 1 })
  assert.deepEqual((await counts(carol, roomId)).threads, { [followed]: 1 })
})

testOnEngines('the rules about threads are there, off, and the server’s own', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const alice = await server.user('alice')
  const { global } = await alice.get<{ global: Record<string, { rule_id: string; enabled: boolean }[]> }>(
    `${v3}/pushrules/`,
  )
  assert.deepEqual(
    global.postcontent?.map(({ rule_id, enabled }) => [rule_id, enabled]),
    ids.map((id) => [id, false]),
  )
  const body = { actions: [], conditions: [] }
  assert.equal(await errorOf(alice, 'PUT', rulePath('postcontent', 'own'), body, 400), 'M_INVALID_PARAM')
  assert.equal(await errorOf(alice, 'DELETE', rulePath('postcontent', ids[0] ?? ''), undefined, 400), 'M_INVALID_PARAM')
})
