import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { type PushGateway, startPushGateway } from './helpers/push-gateway.ts'
import { createRoom, publicRoom, send, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

function setPusher(user: TestUser, gateway: PushGateway) {
  return user.post(`${v3}/pushers/set`, {
    pushkey: 'key',
    kind: 'http',
    app_id: 'org.example.app',
    app_display_name: 'App',
    device_display_name: 'Phone',
    lang: 'en',
    data: { url: gateway.url },
  })
}

async function pushesOf(server: TestServer, gateway: PushGateway) {
  await server.context.push.delivery.drain()
  return gateway.take()
}

const config = 'org.matrix.msc4155.invite_permission_config'

test('an invitation that is not told is pushed to no device', async () => {
  await using gateway = await startPushGateway()
  await using server = await createTestServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  await setPusher(bob, gateway)
  await bob.put(at`/_matrix/client/v3/user/${bob.userId}/account_data/${config}`, { ignored_users: [alice.userId] })
  await createRoom(alice, { invite: [bob.userId] })
  assert.deepEqual(await pushesOf(server, gateway), [])
  const told = await createRoom(carol, { invite: [bob.userId] })
  const pushes = await pushesOf(server, gateway)
  assert.deepEqual(
    pushes.map(({ room_id: roomId }) => roomId),
    [told],
  )
  const { notifications } = await bob.get<{ notifications: { room_id: string }[] }>(`${v3}/notifications`)
  assert.deepEqual(
    notifications.map(({ room_id: roomId }) => roomId),
    [told],
  )
})

test('nothing is pushed to a locked account, and on when it is unlocked', async () => {
  await using gateway = await startPushGateway()
  await using server = await createTestServer()
  const [root, alice, bob] = [
    await server.user('root', { admin: true }),
    await server.user('alice'),
    await server.user('bob'),
  ]
  const roomId = await publicRoom(alice, [bob])
  await setPusher(bob, gateway)
  const lock = (locked: boolean) => root.put(at`/_matrix/client/v1/admin/lock/${bob.userId}`, { locked })
  const suspend = (suspended: boolean) => root.put(at`/_matrix/client/v1/admin/suspend/${bob.userId}`, { suspended })
  await lock(true)
  await send(alice, roomId, 'while locked')
  assert.deepEqual(await pushesOf(server, gateway), [])
  await lock(false)
  const missed = await pushesOf(server, gateway)
  assert.deepEqual(
    missed.map(({ content }) => content?.body),
    ['while locked'],
  )
  await suspend(true)
  await send(alice, roomId, 'while suspended')
  assert.equal((await pushesOf(server, gateway)).length, 1)
})
