import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { MatrixClient } from 'matrix-js-sdk'
import {
  CryptoEvent,
  VerificationPhase,
  type VerificationRequest,
  VerificationRequestEvent,
  VerifierEvent,
} from 'matrix-js-sdk/lib/crypto-api/index.js'
import {
  createChat,
  createSdkClient,
  cryptoOf,
  findMessage,
  importIdentity,
  type Person,
  type SecretKey,
  setUpIdentity,
  startSync,
  until,
  untilMessage,
} from '../helpers/js-sdk.ts'
import { createTestServer, type TestServer, type TestUser } from '../helpers/server.ts'

function untilChange(request: VerificationRequest, isDone: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!isDone()) return
      request.off(VerificationRequestEvent.Change, look)
      resolve()
    }
    request.on(VerificationRequestEvent.Change, look)
    look()
  })
}

/** Both compare emoji in the chat and confirm them. */
async function verifyEachOther(alice: MatrixClient, bob: MatrixClient, roomId: string): Promise<void> {
  const asked = new Promise<VerificationRequest>((resolve) =>
    bob.once(CryptoEvent.VerificationRequestReceived, resolve),
  )
  const request = await cryptoOf(alice).requestVerificationDM(bob.getSafeUserId(), roomId)
  const received = await asked
  await received.accept()
  await untilChange(request, () => request.phase === VerificationPhase.Ready)
  const ours = await request.startVerification('m.sas.v1')
  await untilChange(received, () => received.verifier !== undefined)
  const theirs = received.verifier
  assert.ok(theirs)
  for (const verifier of [ours, theirs]) verifier.once(VerifierEvent.ShowSas, (sas) => void sas.confirm())
  await Promise.all([ours.verify(), theirs.verify()])
}

test('matrix-js-sdk: encrypted direct chat, verification, key backup and a restart', {
  timeout: 180_000,
}, async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ringback-js-sdk-'))
  let server = await createTestServer({ dataDir })
  const port = Number(new URL(server.url).port)
  const clients: MatrixClient[] = []
  const restart = async (): Promise<TestServer> => {
    await server.stop()
    server = await createTestServer({ dataDir, config: { listeners: [{ port }] } })
    return server
  }
  const person = async (user: TestUser, secret?: { current?: SecretKey }): Promise<Person> => {
    const client = await createSdkClient(user, secret)
    clients.push(client)
    await startSync(client)
    return { user, client }
  }
  t.after(async () => {
    for (const client of clients) client.stopClient()
    await server.stop()
    rmSync(dataDir, { recursive: true, force: true })
  })

  const secrets: { alice: { current?: SecretKey }; bob: { current?: SecretKey } } = { alice: {}, bob: {} }
  const alice = await person(await server.user('alice'), secrets.alice)
  const bob = await person(await server.user('bob'), secrets.bob)
  await setUpIdentity(alice)
  await setUpIdentity(bob)

  const roomId = await createChat(alice, bob)

  await t.test('messages are encrypted on the way and readable for the other', async () => {
    await alice.client.sendTextMessage(roomId, 'hello Bob')
    const received = await untilMessage(bob.client, roomId, 'hello Bob')
    assert.equal(received.getWireType(), 'm.room.encrypted')
    await bob.client.sendTextMessage(roomId, 'hello Alice')
    await untilMessage(alice.client, roomId, 'hello Alice')
  })

  await t.test('people verify each other and see it as signed', async () => {
    await verifyEachOther(alice.client, bob.client, roomId)
    for (const [one, other] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      const crypto = cryptoOf(one.client)
      await until(one.client, 'the verification', async () =>
        (await crypto.getUserVerificationStatus(other.user.userId)).isCrossSigningVerified() ? true : undefined,
      )
    }
  })

  await t.test(
    'a new device is signed with the keys from secret storage and reads old messages from the backup',
    async () => {
      const laptop = await person(await server.login('alice', 'LAPTOP'), secrets.alice)
      const crypto = cryptoOf(laptop.client)
      await importIdentity(laptop)
      const other = cryptoOf(alice.client)
      await until(alice.client, 'the signature of the new device', async () =>
        (await other.getDeviceVerificationStatus(alice.user.userId, 'LAPTOP'))?.crossSigningVerified ? true : undefined,
      )
      await crypto.loadSessionBackupPrivateKeyFromSecretStorage()
      const backup = await crypto.checkKeyBackupAndEnable()
      assert.ok(backup?.trustInfo.trusted)
      await until(alice.client, 'the backup of the keys', async () => {
        const { count } = await alice.user.get<{ count: number }>('/_matrix/client/v3/room_keys/version')
        return count >= 2 ? true : undefined
      })
      const { imported } = await crypto.restoreKeyBackup()
      assert.ok(imported >= 2, `${imported} keys`)
      await untilMessage(laptop.client, roomId, 'hello Alice')
      await bob.client.sendTextMessage(roomId, 'to both of your devices')
      for (const device of [alice, laptop]) await untilMessage(device.client, roomId, 'to both of your devices')
    },
  )

  await t.test('what was sent while a client was away survives a restart of the server', async () => {
    bob.client.stopClient()
    await cryptoOf(alice.client).forceDiscardSession(roomId)
    await alice.client.sendTextMessage(roomId, 'sent before the restart')
    await restart()
    assert.equal(findMessage(bob.client.getRoom(roomId), 'sent before the restart'), undefined)
    const phone = await person(bob.user, secrets.bob)
    await untilMessage(phone.client, roomId, 'sent before the restart')
    const tablet = await person(await server.login('bob', 'TABLET'), secrets.bob)
    await importIdentity(tablet)
    await until(alice.client, 'the new device of Bob', async () => {
      const devices = await cryptoOf(alice.client).getUserDeviceInfo([bob.user.userId], true)
      return devices.get(bob.user.userId)?.has('TABLET') ? true : undefined
    })
    await alice.client.sendTextMessage(roomId, 'sent after the restart')
    for (const device of [phone, tablet]) await untilMessage(device.client, roomId, 'sent after the restart')
  })
})
