import assert from 'node:assert/strict'
import { at } from './helpers/client.ts'
import { deviceKeys } from './helpers/e2ee.ts'
import { testOnEngines } from './helpers/engines.ts'
import { act, createRoom, join, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

const uploadKeys = (by: TestUser, seed?: string) => by.post(`${v3}/keys/upload`, { device_keys: deviceKeys(by, seed) })
const position = async (user: TestUser) => (await sync(user)).next_batch
async function lists(user: TestUser, since: string) {
  const { changed = [], left = [] } = (await sync(user, { since })).device_lists ?? {}
  return { changed: [...changed].sort(), left: [...left].sort() }
}

testOnEngines('who invites and who is invited know each other’s devices, and nobody else', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const users = await Promise.all(['alice', 'bob', 'carol', 'dave'].map((name) => server.user(name)))
  const [alice, bob, carol, dave] = users
  assert.ok(alice && bob && carol && dave)
  for (const user of users) await uploadKeys(user)
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  await join(carol, roomId)
  const since = { alice: await position(alice), bob: await position(bob), carol: await position(carol) }
  await act(alice, roomId, 'invite', { user_id: bob.userId })
  assert.deepEqual(await lists(alice, since.alice), { changed: [bob.userId], left: [] })
  assert.deepEqual(await lists(carol, since.carol), { changed: [bob.userId], left: [] })
  // Who else is there is not for those to know who are only invited.
  assert.deepEqual(await lists(bob, since.bob), { changed: [alice.userId], left: [] })

  const invited = { alice: await position(alice), bob: await position(bob), dave: await position(dave) }
  const waiting = sync(alice, { since: invited.alice, timeout: 20_000 })
  await uploadKeys(await server.login('bob'))
  assert.deepEqual((await waiting).device_lists?.changed, [bob.userId])
  await uploadKeys(await server.login('alice'))
  await uploadKeys(await server.login('carol'))
  assert.deepEqual((await lists(bob, invited.bob)).changed, [alice.userId, bob.userId])
  assert.deepEqual(await lists(dave, invited.dave), { changed: [], left: [] })

  await act(bob, roomId, 'leave')
  const gone = { alice: await position(alice), bob: await position(bob) }
  await uploadKeys(await server.login('bob'))
  await uploadKeys(await server.login('alice'))
  assert.deepEqual((await lists(alice, gone.alice)).changed, [alice.userId])
  assert.deepEqual((await lists(bob, gone.bob)).changed, [bob.userId])
})

testOnEngines('keys reach somebody who is invited, and joins', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await createRoom(alice, { invite: [bob.userId] })
  const since = await position(bob)
  const bundle = { room_id: roomId, file: {} }
  await alice.put(at`/_matrix/client/v3/sendToDevice/m.room_key_bundle/1`, {
    messages: { [bob.userId]: { [bob.deviceId]: bundle } },
  })
  const { to_device: inbox } = await sync(bob, { since })
  assert.deepEqual(inbox?.events, [{ type: 'm.room_key_bundle', sender: alice.userId, content: bundle }])
  await join(bob, roomId)
  const { changed } = await lists(bob, since)
  assert.deepEqual(changed, [alice.userId, bob.userId])
})
