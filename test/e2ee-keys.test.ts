import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { deviceKeys, oneTimeKeys } from './helpers/e2ee.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const v3 = '/_matrix/client/v3'

interface Queried {
  device_keys: { [user: string]: { [device: string]: JsonObject & { unsigned: JsonObject } } }
  failures: JsonObject
}
interface Claimed {
  one_time_keys: { [user: string]: { [device: string]: JsonObject } }
  failures: JsonObject
}

const query = (by: TestUser, deviceKeys: object) => by.post<Queried>(`${v3}/keys/query`, { device_keys: deviceKeys })

function claim(by: TestUser, from: TestUser, algorithm = 'signed_curve25519') {
  return by.post<Claimed>(`${v3}/keys/claim`, { one_time_keys: { [from.userId]: { [from.deviceId]: algorithm } } })
}

async function claimId(by: TestUser, from: TestUser): Promise<string | undefined> {
  const { one_time_keys: keys } = await claim(by, from)
  return Object.keys(keys[from.userId]?.[from.deviceId] ?? {})[0]
}

const sync = (server: TestServer, user: TestUser) =>
  server.context.db.read((reader) => server.context.e2ee.keyCounts(reader, user.userId, user.deviceId))

for (const engine of engines) {
  test(`device keys and one-time keys (${engine})`, { skip: skipEngine(engine) }, async (t) => {
    await using server = await createTestServer({ engine })
    const alice = await server.user('alice')
    let bob = await server.user('bob')
    const upload = (body: object, expect = 200) =>
      alice.request<{ one_time_key_counts: JsonObject; errcode: string }>('POST', `${v3}/keys/upload`, { body, expect })

    await t.test('device keys are there at once, with the name of the device', async () => {
      assert.deepEqual((await query(bob, { [alice.userId]: [] })).device_keys, { [alice.userId]: {} })
      await upload({ device_keys: { ...deviceKeys(alice), extra: { kept: true } } })
      await alice.put(`${v3}/devices/${alice.deviceId}`, { display_name: 'Her phone' })
      const { device_keys: found } = await query(bob, { [alice.userId]: [] })
      const { unsigned, ...keys } = found[alice.userId]?.[alice.deviceId] ?? {}
      assert.deepEqual(keys, { ...deviceKeys(alice), extra: { kept: true } })
      assert.deepEqual(unsigned, { device_display_name: 'Her phone' })
      const some = await query(bob, { [alice.userId]: ['OTHER'] })
      assert.deepEqual(some.device_keys, { [alice.userId]: {} })
    })

    await t.test('users who do not exist are absent, servers that cannot be reached are failures', async () => {
      const answer = await query(bob, { [`@nobody:${alice.userId.split(':')[1]}`]: [], '@carol:elsewhere.example': [] })
      assert.deepEqual(answer.device_keys, {})
      assert.deepEqual(Object.keys(answer.failures), ['elsewhere.example'])
    })

    await t.test('keys that are not the device’s are refused', async () => {
      for (const wrong of [
        { ...deviceKeys(alice), user_id: bob.userId },
        { ...deviceKeys(alice), device_id: 'OTHER' },
        { ...deviceKeys(alice), algorithms: undefined },
        { ...deviceKeys(alice), keys: 'none' },
      ]) {
        await upload({ device_keys: wrong }, 400)
      }
      await upload({ one_time_keys: { nocolon: 'x' } }, 400)
      const wrongList = { device_keys: { [alice.userId]: { a: 1 } } }
      const answer = await bob.request<{ errcode: string }>('POST', `${v3}/keys/query`, {
        body: wrongList,
        expect: 400,
      })
      assert.equal(answer.body.errcode, 'M_BAD_JSON')
      await bob.request('POST', `${v3}/keys/query`, { body: {}, expect: 400 })
      await bob.request('POST', `${v3}/keys/query`, { body: { device_keys: { alice: [] } }, expect: 400 })
    })

    await t.test('one-time keys: unions count, ids stand for one key, claims keep the order', async () => {
      const first = oneTimeKeys(alice, 50, 3)
      assert.deepEqual((await upload({ one_time_keys: first })).body.one_time_key_counts, { signed_curve25519: 3 })
      const more = { ...first, ...oneTimeKeys(alice, 10, 2), 'curve25519:A': 'plain' }
      assert.deepEqual((await upload({ one_time_keys: more })).body.one_time_key_counts, {
        curve25519: 1,
        signed_curve25519: 5,
      })
      const other = { 'signed_curve25519:AAAA050': { key: 'other', signatures: {} } }
      await upload({ one_time_keys: other }, 400)
      const order = []
      for (let i = 0; i < 6; i++) order.push(await claimId(bob, alice))
      assert.deepEqual(new Set(order.slice(0, 3)), new Set(Object.keys(first)))
      assert.deepEqual(new Set(order.slice(3, 5)), new Set(Object.keys(oneTimeKeys(alice, 10, 2))))
      assert.equal(order[5], undefined)
      const none = await claim(bob, alice)
      assert.deepEqual([none.one_time_keys, none.failures], [{}, {}])
      const plain = await claim(bob, alice, 'curve25519')
      assert.deepEqual(plain.one_time_keys[alice.userId]?.[alice.deviceId], { 'curve25519:A': 'plain' })
      // An upload whose answer was lost comes again, perhaps after a claim.
      assert.deepEqual((await upload({ one_time_keys: first })).body.one_time_key_counts, { signed_curve25519: 0 })
    })

    await t.test('a key is given out once, also to those who ask at the same time', async () => {
      await upload({ one_time_keys: oneTimeKeys(alice, 100, 20) })
      const ids = await Promise.all(Array.from({ length: 25 }, () => claimId(bob, alice)))
      const given = ids.filter((id) => id !== undefined)
      assert.equal(given.length, 20)
      assert.equal(new Set(given).size, 20)
    })

    await t.test('the fallback key is given when there is no other, and said to be used', async () => {
      assert.deepEqual(await sync(server, alice), { oneTimeKeys: { signed_curve25519: 0 }, unusedFallback: [] })
      const fallback = { 'signed_curve25519:FB1': { key: 'one', fallback: true, signatures: {} } }
      await upload({ fallback_keys: fallback, one_time_keys: oneTimeKeys(alice, 200, 1) })
      assert.deepEqual(await sync(server, alice), {
        oneTimeKeys: { signed_curve25519: 1 },
        unusedFallback: ['signed_curve25519'],
      })
      assert.equal(await claimId(bob, alice), 'signed_curve25519:AAAA200')
      assert.deepEqual((await sync(server, alice)).unusedFallback, ['signed_curve25519'])
      assert.equal(await claimId(bob, alice), 'signed_curve25519:FB1')
      assert.equal(await claimId(bob, alice), 'signed_curve25519:FB1')
      assert.deepEqual((await sync(server, alice)).unusedFallback, [])
      await upload({ fallback_keys: fallback })
      assert.deepEqual((await sync(server, alice)).unusedFallback, [], 'the same key again is still a used one')
      await upload({ fallback_keys: { 'signed_curve25519:FB2': { key: 'two', fallback: true, signatures: {} } } })
      assert.deepEqual((await sync(server, alice)).unusedFallback, ['signed_curve25519'])
      assert.equal(await claimId(bob, alice), 'signed_curve25519:FB2')
    })

    await t.test('a new identity takes the old prekeys away', async () => {
      await upload({ one_time_keys: oneTimeKeys(alice, 300, 5) })
      await upload({ device_keys: deviceKeys(alice, 'reinstalled'), one_time_keys: oneTimeKeys(alice, 400, 1) })
      assert.deepEqual(await sync(server, alice), { oneTimeKeys: { signed_curve25519: 1 }, unusedFallback: [] })
      assert.equal(await claimId(bob, alice), 'signed_curve25519:AAAA400')
    })

    await t.test('logging in again as the same device keeps its keys', async () => {
      const again = await server.login('bob', bob.deviceId)
      await again.post(`${v3}/keys/upload`, { device_keys: deviceKeys(bob), one_time_keys: oneTimeKeys(bob, 1, 1) })
      const third = await server.login('bob', bob.deviceId)
      const { device_keys: found } = await query(third, { [bob.userId]: [] })
      assert.deepEqual(Object.keys(found[bob.userId] ?? {}), [bob.deviceId])
      assert.equal(await claimId(third, third), 'signed_curve25519:AAAA001')
      bob = third
    })

    await t.test('nothing is left after logout', async () => {
      await alice.post(`${v3}/logout`)
      assert.deepEqual((await query(bob, { [alice.userId]: [] })).device_keys, { [alice.userId]: {} })
      assert.equal(await claimId(bob, alice), undefined)
    })
  })
}

test('requests without a token or with a floating-point key are refused', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  await server.client.request('POST', `${v3}/keys/query`, { body: { device_keys: {} }, expect: 401 })
  const body = `{"device_keys": ${JSON.stringify({ ...deviceKeys(alice), n: 'FLOAT' }).replace('"FLOAT"', '1.5')}}`
  await alice.request('POST', `${v3}/keys/upload`, { body, expect: 400 })
})
