import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { crossSigning, deviceKeys, keyFor, signedBy } from './helpers/e2ee.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { createTestServer, password, type TestServer, type TestUser } from './helpers/server.ts'

const v3 = '/_matrix/client/v3'
const uploadPath = `${v3}/keys/device_signing/upload`

type Signed = JsonObject & { signatures?: { [user: string]: { [key: string]: string } } }
interface Queried {
  device_keys: { [user: string]: { [device: string]: Signed } }
  master_keys: { [user: string]: Signed }
  self_signing_keys: { [user: string]: Signed }
  user_signing_keys: { [user: string]: Signed }
}

const query = (by: TestUser, of: TestUser) => by.post<Queried>(`${v3}/keys/query`, { device_keys: { [of.userId]: [] } })

const post = (by: TestUser, path: string, body: object, expect = 200) =>
  by.request<
    JsonObject & { errcode: string; session: string; failures: { [user: string]: { [key: string]: JsonObject } } }
  >('POST', path, { body, expect })

/** The users whose keys a sync of `user` says have changed after a position. */
async function changedFor(server: TestServer, user: TestUser, since: number): Promise<string[]> {
  const { db, e2ee, streams } = server.context
  return (await db.read((reader) => e2ee.deviceLists(reader, user.userId, since, streams.position()))).changed
}

for (const engine of engines) {
  test(`cross-signing keys (${engine})`, { skip: skipEngine(engine) }, async (t) => {
    await using server = await createTestServer({ engine })
    const alice = await server.user('alice')
    const bob = await server.user('bob')
    const first = crossSigning(alice.userId)
    const passwordAuth = (session: string, user = alice.userId) => ({
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user },
      password,
      session,
    })

    await t.test('keys without a master key or with a wrong signature are refused', async () => {
      const { master_key: master, self_signing_key: selfSigning } = first.upload
      assert.equal(
        (await post(alice, uploadPath, { self_signing_key: selfSigning }, 400)).body.errcode,
        'M_MISSING_PARAM',
      )
      const forged = signedBy(selfSigning, alice.userId, keyFor('somebody else', first.master.publicKey))
      const answer = await post(alice, uploadPath, { master_key: master, self_signing_key: forged }, 400)
      assert.equal(answer.body.errcode, 'M_INVALID_SIGNATURE')
      for (const wrong of [
        { ...master, user_id: bob.userId },
        { ...master, usage: ['self_signing'] },
        { ...master, keys: {} },
        { ...master, keys: { 'ed25519:a': 'b' } },
      ]) {
        await post(alice, uploadPath, { master_key: wrong }, 400)
      }
      const named = keyFor('a device')
      const device = await server.login('alice', named.publicKey)
      const clash = { user_id: alice.userId, usage: ['master'], keys: { [named.keyId]: named.publicKey } }
      assert.equal((await post(alice, uploadPath, { master_key: clash }, 403)).body.errcode, 'M_FORBIDDEN')
      await device.post(`${v3}/logout`)
    })

    await t.test('the first upload and the same again need no authentication', async () => {
      const since = server.context.streams.position()
      await post(alice, uploadPath, first.upload)
      assert.deepEqual(await changedFor(server, alice, since), [alice.userId])
      await post(alice, uploadPath, first.upload)
      await post(alice, uploadPath, { self_signing_key: first.upload.self_signing_key })
      const own = await query(alice, alice)
      assert.deepEqual(own.master_keys[alice.userId], first.upload.master_key)
      assert.deepEqual(own.self_signing_keys[alice.userId], first.upload.self_signing_key)
      assert.deepEqual(own.user_signing_keys[alice.userId], first.upload.user_signing_key)
      assert.deepEqual((await query(bob, alice)).user_signing_keys, {})
    })

    await t.test('other keys need the password, also with the session alone', async () => {
      const second = crossSigning(alice.userId, 2)
      const challenge = await post(alice, uploadPath, second.upload, 401)
      assert.deepEqual((await query(bob, alice)).master_keys[alice.userId], first.upload.master_key)
      const { session } = challenge.body
      await post(alice, uploadPath, { ...second.upload, auth: { ...passwordAuth(session), password: 'wrong' } }, 401)
      await post(alice, uploadPath, { auth: passwordAuth(session) })
      assert.deepEqual((await query(bob, alice)).master_keys[alice.userId], second.upload.master_key)
      const third = crossSigning(alice.userId, 3)
      const again = await post(alice, uploadPath, third.upload, 401)
      await post(alice, uploadPath, { ...third.upload, auth: passwordAuth(again.body.session, bob.userId) }, 403)
      await post(alice, uploadPath, { ...third.upload, auth: passwordAuth(again.body.session) })
      assert.deepEqual((await query(bob, alice)).self_signing_keys[alice.userId], third.upload.self_signing_key)
    })

    await t.test('adding a key to a master key needs the password', async () => {
      const keys = crossSigning(bob.userId)
      const { user_signing_key: added, ...some } = keys.upload
      await post(bob, uploadPath, some)
      const { session } = (await post(bob, uploadPath, { user_signing_key: added }, 401)).body
      await post(bob, uploadPath, { user_signing_key: added, auth: passwordAuth(session, bob.userId) })
      assert.deepEqual((await query(bob, bob)).user_signing_keys[bob.userId], added)
    })

    await t.test('nobody can log in with a public key as device id', async () => {
      const { master } = crossSigning(bob.userId)
      const body = {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: 'bob' },
        password,
        device_id: master.publicKey,
      }
      const answer = await server.client.request('POST', `${v3}/login`, { body, expect: 403 })
      assert.equal(answer.body.errcode, 'M_FORBIDDEN')
    })
  })

  test(`signatures are checked, merged and shown to whom they concern (${engine})`, {
    skip: skipEngine(engine),
  }, async () => {
    await using server = await createTestServer({ engine })
    const alice = await server.user('alice')
    const bob = await server.user('bob')
    const carol = await server.user('carol')
    const [alices, bobs] = [crossSigning(alice.userId), crossSigning(bob.userId)]
    await alice.post(`${v3}/keys/upload`, { device_keys: deviceKeys(alice) })
    for (const [user, keys] of [
      [alice, alices],
      [bob, bobs],
    ] as const)
      await post(user, uploadPath, keys.upload)
    const device = deviceKeys(alice)
    const deviceKey = keyFor(`device ${alice.userId} ${alice.deviceId}`, alice.deviceId)
    const master = alices.upload.master_key
    const bobsMaster = bobs.upload.master_key
    const send = async (by: TestUser, body: object) =>
      (await post(by, `${v3}/keys/signatures/upload`, body)).body.failures

    const since = server.context.streams.position()
    const failures = await send(alice, {
      [alice.userId]: {
        [alice.deviceId]: signedBy(device, alice.userId, alices.selfSigning),
        [alices.master.publicKey]: signedBy(master, alice.userId, deviceKey),
        UNKNOWN: signedBy(device, alice.userId, alices.selfSigning),
      },
      [bob.userId]: { [bobs.master.publicKey]: signedBy(bobsMaster, alice.userId, alices.userSigning) },
    })
    assert.deepEqual(Object.keys(failures), [alice.userId])
    assert.deepEqual(Object.keys(failures[alice.userId] ?? {}), ['UNKNOWN'])
    assert.equal(failures[alice.userId]?.UNKNOWN?.errcode, 'M_NOT_FOUND')
    assert.deepEqual(new Set(await changedFor(server, alice, since)), new Set([alice.userId, bob.userId]))
    assert.deepEqual(await changedFor(server, bob, since), [])

    const seen = await query(carol, alice)
    const signatures = seen.device_keys[alice.userId]?.[alice.deviceId]?.signatures?.[alice.userId] ?? {}
    assert.deepEqual(new Set(Object.keys(signatures)), new Set([`ed25519:${alice.deviceId}`, alices.selfSigning.keyId]))
    assert.deepEqual(Object.keys(seen.master_keys[alice.userId]?.signatures?.[alice.userId] ?? {}), [deviceKey.keyId])
    const bySigner = await query(alice, bob)
    assert.deepEqual(Object.keys(bySigner.master_keys[bob.userId]?.signatures?.[alice.userId] ?? {}), [
      alices.userSigning.keyId,
    ])
    for (const other of [bob, carol]) {
      assert.equal((await query(other, bob)).master_keys[bob.userId]?.signatures?.[alice.userId], undefined)
    }

    const wrong = await send(bob, {
      [bob.userId]: { [bobs.master.publicKey]: { ...bobsMaster, signatures: {} } },
      [alice.userId]: {
        [alices.master.publicKey]: signedBy(master, bob.userId, keyFor('wrong', bobs.userSigning.publicKey)),
        [alice.deviceId]: signedBy(device, bob.userId, bobs.userSigning),
      },
    })
    assert.deepEqual(
      [wrong[bob.userId], wrong[alice.userId]].map((keys) => Object.values(keys ?? {}).map(({ errcode }) => errcode)),
      [['M_INVALID_SIGNATURE'], ['M_INVALID_SIGNATURE', 'M_NOT_FOUND']],
    )
    const changed = { ...device, algorithms: ['other'] }
    const mismatch = await send(alice, {
      [alice.userId]: { [alice.deviceId]: signedBy(changed, alice.userId, alices.selfSigning) },
    })
    assert.equal(mismatch[alice.userId]?.[alice.deviceId]?.errcode, 'M_INVALID_SIGNATURE')

    const next = crossSigning(alice.userId, 2)
    const { session } = (await post(alice, uploadPath, next.upload, 401)).body
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password, session }
    await post(alice, uploadPath, { ...next.upload, auth })
    const after = await query(alice, alice)
    assert.deepEqual(Object.keys(after.device_keys[alice.userId]?.[alice.deviceId]?.signatures?.[alice.userId] ?? {}), [
      `ed25519:${alice.deviceId}`,
    ])
    assert.equal((await query(alice, bob)).master_keys[bob.userId]?.signatures?.[alice.userId], undefined)
  })
}
