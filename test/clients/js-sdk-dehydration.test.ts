import { test } from 'node:test'
import type { MatrixClient } from 'matrix-js-sdk'
import {
  createChat,
  createSdkClient,
  cryptoOf,
  importIdentity,
  type Person,
  type SecretKey,
  setUpIdentity,
  startSync,
  untilMessage,
} from '../helpers/js-sdk.ts'
import { createTestServer, type TestUser } from '../helpers/server.ts'

test('matrix-js-sdk: a dehydrated device keeps messages readable that came while nobody was logged in', {
  timeout: 120_000,
}, async (t) => {
  const server = await createTestServer()
  const clients: MatrixClient[] = []
  t.after(async () => {
    for (const client of clients) client.stopClient()
    await server.stop()
  })
  const person = async (user: TestUser, secret: { current?: SecretKey }): Promise<Person> => {
    const client = await createSdkClient(user, secret)
    clients.push(client)
    await startSync(client)
    return { user, client }
  }

  const secret: { current?: SecretKey } = {}
  const phone = await person(await server.user('alice'), secret)
  const bob = await person(await server.user('bob'), {})
  await setUpIdentity(phone)
  await setUpIdentity(bob)
  const roomId = await createChat(phone, bob)
  await cryptoOf(phone.client).startDehydration()
  phone.client.stopClient()
  await phone.user.post('/_matrix/client/v3/logout')
  await cryptoOf(bob.client).getUserDeviceInfo([phone.user.userId], true)
  await bob.client.sendTextMessage(roomId, 'is anybody there?')

  const laptop = await person(await server.login('alice', 'LAPTOP'), secret)
  await importIdentity(laptop)
  await cryptoOf(laptop.client).startDehydration()
  await untilMessage(laptop.client, roomId, 'is anybody there?')
})
