import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { at } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { createTestServer } from './helpers/server.ts'

const versions = '/_matrix/client/v3/room_keys/version'
const keys = '/_matrix/client/v3/room_keys/keys'
const algorithm = 'm.megolm_backup.v1.curve25519-aes-sha2'
const room = '!room:localhost'

function key(first: number, forwarded = 0, verified = false, data = `${first}.${forwarded}.${verified}`): JsonObject {
  return { first_message_index: first, forwarded_count: forwarded, is_verified: verified, session_data: { data } }
}

interface Counts {
  count: number
  etag: string
}

for (const engine of engines) {
  test(`key backup (${engine})`, { skip: skipEngine(engine) }, async (t) => {
    await using server = await createTestServer({ engine })
    const alice = await server.user('alice')
    const bob = await server.user('bob')
    const q = (version: string) => ({ query: { version } })
    const create = async () =>
      (await alice.post<{ version: string }>(versions, { algorithm, auth_data: { public_key: 'a' } })).version

    await t.test('versions are made, read, changed and deleted', async () => {
      await alice.request('GET', versions, { expect: 404 })
      const [one, two] = [await create(), await create()]
      assert.notEqual(one, two)
      const info = { algorithm, auth_data: { public_key: 'a' }, count: 0, etag: '0' }
      assert.deepEqual(await alice.get(versions), { ...info, version: two })
      assert.deepEqual(await alice.get(`${versions}/${one}`), { ...info, version: one })
      await alice.put(`${versions}/${two}`, { algorithm, auth_data: { public_key: 'b' }, version: two })
      assert.deepEqual((await alice.get(versions)).auth_data, { public_key: 'b' })
      const wrong = { algorithm: 'other', auth_data: {} }
      assert.equal(
        (await alice.request<{ errcode: string }>('PUT', `${versions}/${two}`, { body: wrong, expect: 400 })).body
          .errcode,
        'M_INVALID_PARAM',
      )
      await alice.request('PUT', `${versions}/${two}`, {
        body: { algorithm, auth_data: {}, version: one },
        expect: 400,
      })
      await alice.request('PUT', `${versions}/99`, { body: { algorithm, auth_data: {} }, expect: 404 })
      await alice.delete(`${versions}/${two}`)
      await alice.delete(`${versions}/${two}`)
      await alice.request('DELETE', `${versions}/99`, { expect: 404 })
      await alice.request('GET', `${versions}/${two}`, { expect: 404 })
      assert.equal((await alice.get(versions)).version, one)
      assert.notEqual(await create(), two, 'numbers are not given again')
      await bob.request('GET', `${versions}/${one}`, { expect: 404 })
    })

    await t.test('keys go to the current version only', async () => {
      const old = String((await alice.get(versions)).version)
      const version = await create()
      const body = { sessions: { s1: key(1) } }
      const answer = await alice.request<JsonObject>('PUT', at`/_matrix/client/v3/room_keys/keys/${room}`, {
        ...q(old),
        body,
        expect: 403,
      })
      assert.equal(answer.body.errcode, 'M_WRONG_ROOM_KEYS_VERSION')
      assert.equal(answer.body.current_version, version)
      await bob.request('PUT', keys, { ...q('1'), body: { rooms: {} }, expect: 404 })
      await alice.request('PUT', keys, { ...q(version), body: { rooms: { [room]: { s1: key(1) } } }, expect: 400 })
      await alice.request('PUT', keys, { body: { rooms: {} }, expect: 400 })
    })

    await t.test('are counted, and a better key takes the place of a worse one', async () => {
      const version = await create()
      const one = at`/_matrix/client/v3/room_keys/keys/${room}/${'s/1'}`
      const put = (value: JsonObject) => alice.put<Counts>(one, value, q(version))
      const current = async () => ((await alice.get(one, { version })).session_data as { data: string }).data
      const first = await put(key(5, 5))
      assert.equal(first.count, 1)
      for (const worse of [key(6, 0), key(5, 5, false, 'same'), key(5, 6)]) {
        assert.deepEqual(await put(worse), first)
        assert.equal(await current(), '5.5.false')
      }
      for (const better of [key(5, 4), key(4, 9), key(9, 9, true), key(8, 9, true)]) {
        const counts = await put(better)
        assert.equal(counts.count, 1)
        assert.notEqual(counts.etag, first.etag)
        assert.deepEqual(await alice.get(one, { version }), better)
      }
      assert.equal((await put(key(0, 0, false))).count, 1)
      assert.equal(await current(), '8.9.true')
    })

    await t.test('are read and deleted as a whole, by room and by session', async () => {
      const version = await create()
      const [a, b] = ['!a:localhost', '!b']
      const rooms = { [a]: { sessions: { s1: key(1), s2: key(2) } }, [b]: { sessions: { s1: key(3) } } }
      assert.equal((await alice.put<Counts>(keys, { rooms }, q(version))).count, 3)
      assert.deepEqual(await alice.get(keys, { version }), { rooms })
      const roomA = at`/_matrix/client/v3/room_keys/keys/${a}`
      assert.deepEqual(await alice.get(roomA, { version }), rooms[a])
      assert.deepEqual(await alice.get(at`/_matrix/client/v3/room_keys/keys/${'!none'}`, { version }), { sessions: {} })
      await alice.request('GET', `${roomA}/none`, { ...q(version), expect: 404 })
      await alice.request('GET', keys, { ...q('77'), expect: 404 })
      assert.equal((await alice.put<Counts>(roomA, { sessions: { s3: key(1) } }, q(version))).count, 4)
      assert.equal((await alice.delete<Counts>(`${roomA}/s1`, undefined, q(version))).count, 3)
      const before = await alice.get<Counts>(versions)
      assert.deepEqual(await alice.delete<Counts>(`${roomA}/s1`, undefined, q(version)), {
        count: 3,
        etag: before.etag,
      })
      assert.equal((await alice.delete<Counts>(roomA, undefined, q(version))).count, 1)
      assert.equal((await alice.delete<Counts>(keys, undefined, q(version))).count, 0)
      assert.deepEqual(await alice.get(keys, { version }), { rooms: {} })
    })

    await t.test('come back complete when there are many', async () => {
      const version = await create()
      const sessions = Object.fromEntries(Array.from({ length: 700 }, (_, i) => [`s${i}`, key(i)]))
      const rooms = { '!a': { sessions }, '!b': { sessions } }
      assert.equal((await alice.put<Counts>(keys, { rooms }, q(version))).count, 1400)
      assert.deepEqual(await alice.get(keys, { version }), { rooms })
    })
  })
}
