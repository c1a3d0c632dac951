import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { deviceKeys } from './helpers/e2ee.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

const v3 = '/_matrix/client/v3'

interface Synced {
  next_batch: string
  device_lists?: { changed?: string[]; left?: string[] }
  device_one_time_keys_count: { [algorithm: string]: number }
  device_unused_fallback_key_types: string[]
  to_device?: { events: { content: object }[] }
}

const sync = (user: TestUser, since?: string, timeout = 0) => user.get<Synced>(`${v3}/sync`, { since, timeout })

const position = async (user: TestUser) => (await sync(user)).next_batch

/** What the sync from a token says, and `/keys/changes` between the two tokens must say too. */
async function lists(user: TestUser, since: string): Promise<{ changed: Set<string>; left: Set<string> }> {
  const answer = await sync(user, since)
  const found = { changed: new Set(answer.device_lists?.changed), left: new Set(answer.device_lists?.left) }
  const changes = await user.get<{ changed?: string[]; left?: string[] }>(`${v3}/keys/changes`, {
    from: since,
    to: answer.next_batch,
  })
  assert.deepEqual({ changed: new Set(changes.changed), left: new Set(changes.left) }, found)
  return found
}

const createRoom = async (by: TestUser) =>
  (await by.post<{ room_id: string }>(`${v3}/createRoom`, { preset: 'public_chat' })).room_id
const join = (by: TestUser, room: string) => by.post(at`/_matrix/client/v3/join/${room}`)
const leave = (by: TestUser, room: string) => by.post(at`/_matrix/client/v3/rooms/${room}/leave`)
const uploadKeys = (by: TestUser, seed?: string) => by.post(`${v3}/keys/upload`, { device_keys: deviceKeys(by, seed) })

for (const engine of engines) {
  test(`device lists in sync (${engine})`, { skip: skipEngine(engine) }, async (t) => {
    await using server = await createTestServer({ engine })
    const alice = await server.user('alice')
    const bob = await server.user('bob')
    const carol = await server.user('carol')
    const [a, b] = [alice.userId, bob.userId]
    for (const user of [alice, bob, carol]) await uploadKeys(user)
    const room = await createRoom(alice)
    const none = { changed: new Set<string>(), left: new Set<string>() }

    await t.test('a join is a change for both sides, and for other devices of the joiner', async () => {
      const tokens = [await position(alice), await position(bob), await position(carol)]
      await join(bob, room)
      assert.deepEqual(await lists(alice, tokens[0]!), { changed: new Set([b]), left: new Set() })
      assert.deepEqual(await lists(bob, tokens[1]!), { changed: new Set([a, b]), left: new Set() })
      assert.deepEqual(await lists(carol, tokens[2]!), none)
    })

    await t.test('a new name, avatar or topic is none', async () => {
      const since = await position(alice)
      await bob.put(at`/_matrix/client/v3/profile/${b}/displayname`, { displayname: 'Bobby' })
      assert.deepEqual(await lists(alice, since), none)
    })

    await t.test('new keys, renamed and deleted devices and cross-signing wake those who share a room', async () => {
      const second = await server.login('bob', 'SECOND')
      const steps = [
        () => uploadKeys(second),
        () => second.put(at`/_matrix/client/v3/devices/${'SECOND'}`, { display_name: 'Tablet' }),
        () => second.post(`${v3}/logout`),
      ]
      for (const step of steps) {
        const [since, elsewhere] = [await position(alice), await position(carol)]
        const waiting = sync(alice, since, 20_000)
        await step()
        assert.deepEqual((await waiting).device_lists?.changed, [b])
        assert.deepEqual(await lists(alice, since), { changed: new Set([b]), left: new Set() })
        assert.deepEqual(await lists(bob, await position(bob)), none)
        assert.deepEqual(await lists(carol, elsewhere), none)
      }
      const since = await position(alice)
      const keyless = await server.login('bob', 'KEYLESS')
      await keyless.post(`${v3}/logout`)
      assert.deepEqual(await lists(alice, since), none, 'devices without keys do not matter')
    })

    await t.test('one learns of own devices without any room', async () => {
      const since = await position(carol)
      const second = await server.login('carol')
      await uploadKeys(second)
      assert.deepEqual(await lists(carol, since), { changed: new Set([carol.userId]), left: new Set() })
    })

    await t.test('who leaves the last common room is left, and then silent', async () => {
      const other = await createRoom(alice)
      await join(bob, other)
      const [first, bobs] = [await position(alice), await position(bob)]
      await leave(bob, other)
      assert.deepEqual(await lists(alice, first), none)
      await leave(bob, room)
      const expected = { changed: new Set<string>(), left: new Set([b]) }
      assert.deepEqual(await lists(alice, first), expected)
      assert.deepEqual(await lists(alice, first), expected, 'also when asked again')
      assert.deepEqual(await lists(bob, bobs), { changed: new Set(), left: new Set([a]) })
      const since = await position(alice)
      await uploadKeys(bob, 'reinstalled')
      assert.deepEqual(await lists(alice, since), none)
    })

    await t.test('who leaves and comes back has changed', async () => {
      await join(bob, room)
      const since = await position(alice)
      await leave(bob, room)
      await join(bob, room)
      const { left } = await lists(alice, since)
      assert.deepEqual(left, new Set())
    })

    await t.test('a sync counts keys and brings messages once they are acknowledged no more', async () => {
      const first = await sync(alice)
      assert.deepEqual(first.device_one_time_keys_count, { signed_curve25519: 0 })
      assert.deepEqual(first.device_unused_fallback_key_types, [])
      const many = Array.from({ length: 120 }, (_, i) => i)
      const since = await position(alice)
      const waiting = sync(alice, since, 20_000)
      for (const n of many) {
        const body = { messages: { [a]: { [alice.deviceId]: { n } } } }
        await bob.put(at`/_matrix/client/v3/sendToDevice/${'m.test'}/${String(n)}`, body)
      }
      await waiting
      const numbers: unknown[] = []
      let token = since
      while (numbers.length < many.length) {
        const page = await sync(alice, token)
        const again = await sync(alice, token)
        assert.deepEqual(again.to_device, page.to_device)
        const events = page.to_device?.events ?? []
        assert.ok(events.length > 0 && events.length <= 100)
        numbers.push(...events.map(({ content }) => Reflect.get(content, 'n')))
        token = page.next_batch
      }
      assert.deepEqual(numbers, many)
      assert.equal((await sync(alice, token)).to_device, undefined)
      assert.equal((await sync(alice)).to_device, undefined, 'they are gone')
    })
  })
}

test('tokens that are none are refused', async () => {
  await using server = await createTestServer()
  const alice = await server.user('alice')
  await alice.request('GET', `${v3}/keys/changes`, { query: { from: 'x', to: 's1_1' }, expect: 400 })
  await alice.request('GET', `${v3}/keys/changes`, { query: { to: 's1_1' }, expect: 400 })
})
