/** matrix-js-sdk with its Rust crypto on both sides, as people with Element have it. */
import assert from 'node:assert/strict'
import type { MatrixClient } from 'matrix-js-sdk'
import {
  createChat,
  createSdkClient,
  cryptoOf,
  type Person,
  setUpIdentity,
  startSync,
  until,
  untilMessage,
} from '../../js-sdk.ts'
import type { TestUser } from '../../server.ts'

/** Somebody who can log in again. */
export interface EncryptedSide {
  readonly user: TestUser
  login(): Promise<TestUser>
}

/** Keys, sessions and verification signatures find their way between the servers, also those of a device that comes later. */
export async function encryptedChat(host: EncryptedSide, guest: EncryptedSide): Promise<void> {
  const clients: MatrixClient[] = []
  const start = async (user: TestUser): Promise<Person> => {
    const client = await createSdkClient(user)
    clients.push(client)
    await startSync(client)
    return { user, client }
  }
  try {
    const one = await start(host.user)
    const other = await start(guest.user)
    await setUpIdentity(one)
    await setUpIdentity(other)
    const roomId = await createChat(one, other)
    await say(one, roomId, 'a secret')
    await untilMessage(other.client, roomId, 'a secret')
    await say(other, roomId, 'another secret')
    await untilMessage(one.client, roomId, 'another secret')
    assert.ok(await cryptoOf(one.client).userHasCrossSigningKeys(guest.user.userId, true))

    const later = await start(await guest.login())
    const id = later.user.deviceId
    await until(one.client, 'the new device', async () => {
      const devices = await cryptoOf(one.client).getUserDeviceInfo([guest.user.userId])
      return devices.get(guest.user.userId)?.has(id) ? true : undefined
    })
    await until(later.client, 'the room', () => later.client.getRoom(roomId) ?? undefined)
    await say(one, roomId, 'for the new device, too')
    await untilMessage(later.client, roomId, 'for the new device, too')
  } finally {
    for (const client of clients) client.stopClient()
  }
}

async function say({ client }: Person, roomId: string, body: string): Promise<void> {
  await client.sendTextMessage(roomId, body)
}
