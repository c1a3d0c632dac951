import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { deviceKeys, oneTimeKeys } from './helpers/e2ee.ts'
import { connectPeers } from './helpers/federation/servers.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { createRoom } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

const keysPath = '/_matrix/client/v3/keys'

/** Syncs until something that `look` finds has come. */
async function follow<T>(user: TestUser, since: string, look: (body: object) => T | undefined): Promise<T> {
  for (let from = since; ; ) {
    const body = await sync(user, { since: from, timeout: 10_000 })
    const found = look(body)
    if (found !== undefined) return found
    assert.notEqual(body.next_batch, from, 'nothing came')
    from = body.next_batch
  }
}

test('users of two servers exchange keys and messages for devices', { skip: withoutOpenssl }, async () => {
  await using servers = await connectPeers(2)
  const [here, there] = servers
  assert.ok(here && there)
  const alice = await here.user('alice', { deviceId: 'A' })
  const bob = await there.user('bob', { deviceId: 'B' })
  await bob.post(`${keysPath}/upload`, { device_keys: deviceKeys(bob), one_time_keys: oneTimeKeys(bob, 1, 2) })
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  await bob.request('POST', at`/_matrix/client/v3/join/${roomId}`, {
    query: { via: [here.serverName] },
    body: {},
    expect: 200,
  })
  const keysOfBob = async () =>
    Object(
      Object((await alice.post(`${keysPath}/query`, { device_keys: { [bob.userId]: [] } })).device_keys)[bob.userId],
    )
  assert.deepEqual(Object.keys(await keysOfBob()), ['B'])
  await here.context.drainDeviceLists()

  const { next_batch: before } = await sync(alice)
  const second = await there.login('bob', 'B2')
  await second.post(`${keysPath}/upload`, { device_keys: deviceKeys(second) })
  const changed = await follow(alice, before, (body) => Object(body).device_lists?.changed?.[0])
  assert.equal(changed, bob.userId)
  assert.deepEqual(Object.keys(await keysOfBob()).sort(), ['B', 'B2'])

  const claimed = await alice.post(`${keysPath}/claim`, {
    one_time_keys: { [bob.userId]: { B: 'signed_curve25519' } },
  })
  const key = Object(claimed.one_time_keys)[bob.userId].B['signed_curve25519:AAAA001']
  assert.deepEqual(Object.keys(key.signatures), [bob.userId])

  const { next_batch: since } = await sync(bob)
  const content = { algorithm: 'm.olm.v1', ciphertext: 'secret' }
  await alice.put(at`/_matrix/client/v3/sendToDevice/m.room.encrypted/t1`, {
    messages: { [bob.userId]: { B: content } },
  })
  const message = await follow(bob, since, (body) => Object(body).to_device?.events?.[0])
  assert.deepEqual(message, { type: 'm.room.encrypted', sender: alice.userId, content })
})
