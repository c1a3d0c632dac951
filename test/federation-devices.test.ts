import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import type { RoomId } from '../src/matrix/ids.ts'
import { createTestClock } from '../src/util/clock.ts'
import { at } from './helpers/client.ts'
import { crossSigning, deviceKeys, oneTimeKeys, signedBy } from './helpers/e2ee.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { createPeer } from './helpers/federation/peer.ts'
import type { PeerAnswer } from './helpers/federation/peer-http.ts'
import { joinThrough, leaveThrough } from './helpers/federation/peer-joining.ts'
import { createFederatedServer } from './helpers/federation/servers.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { createRoom } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'

const keysPath = '/_matrix/client/v3/keys'
const query = (user: TestUser, userId: string) => user.post(`${keysPath}/query`, { device_keys: { [userId]: [] } })
const password = (user: TestUser) => ({
  auth: {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: user.userId },
    password: 'correct horse battery staple',
  },
})

for (const engine of engines) {
  test(`devices of other servers (${engine})`, { skip: withoutOpenssl || skipEngine(engine) }, async (t) => {
    await using server = await createFederatedServer({ engine })
    await using peer = await createPeer()
    const { context } = server
    const alice = await server.user('alice', { deviceId: 'PHONE' })
    const bob = peer.user('bob')
    const roomId = (await createRoom(alice, { preset: 'public_chat' })) as RoomId
    const room = await joinThrough(peer, server.serverName, roomId, bob)
    assert.ok(room)
    let streamId = 10
    const devices = new Map<string, JsonObject>()
    let master: JsonObject | undefined
    let asked = 0
    let queried = 0
    let isDown = false
    peer.on('GET', '/_matrix/federation/v1/user/devices/:userId', ({ params }): PeerAnswer => {
      asked += 1
      if (isDown) return { status: 500, body: { errcode: 'M_UNKNOWN', error: 'down' } }
      const list = [...devices].map(([id, keys]) => ({ device_id: id, keys, device_display_name: `name of ${id}` }))
      const body = { user_id: params.userId ?? '', stream_id: streamId, devices: list }
      return { body: { ...body, ...(master && { master_key: master }) } }
    })
    peer.on('POST', '/_matrix/federation/v1/user/keys/query', ({ body }): PeerAnswer => {
      queried += 1
      if (isDown) return { status: 500, body: { errcode: 'M_UNKNOWN', error: 'down' } }
      const users = Object.keys(Object(Object(body).device_keys))
      return { body: { device_keys: Object.fromEntries(users.map((user) => [user, Object.fromEntries(devices)])) } }
    })
    const update = (
      deviceId: string,
      prev: number[],
      more: JsonObject = {},
    ): { edu_type: string; content: JsonObject } => ({
      edu_type: 'm.device_list_update',
      content: { user_id: bob, device_id: deviceId, stream_id: streamId, prev_id: prev, ...more },
    })
    const say = async (...edus: { edu_type: string; content: JsonObject }[]) => {
      await peer.send(server.serverName, [], { edus })
      await context.drainDeviceLists()
    }
    let since = (await sync(alice)).next_batch
    const changed = async () => {
      const body = await sync(alice, { since })
      since = body.next_batch
      return Object(body).device_lists?.changed ?? []
    }
    const keysOf = async (id: string) => Object(Object(await query(alice, bob)).device_keys)[bob]?.[id]

    await t.test('are fetched when an update has no known predecessor, and then kept', async () => {
      devices.set('ONE', deviceKeys({ userId: bob, deviceId: 'ONE' }))
      await say(update('ONE', [], { keys: devices.get('ONE') ?? {} }))
      assert.equal(asked, 1)
      assert.deepEqual(await changed(), [bob])
      const keys = await keysOf('ONE')
      assert.equal(keys.unsigned.device_display_name, 'name of ONE')
      assert.deepEqual(keys.keys, devices.get('ONE')?.keys)
      assert.equal(queried, 0)
    })

    await t.test('follow updates in their order, without another request', async () => {
      streamId = 11
      devices.set('TWO', deviceKeys({ userId: bob, deviceId: 'TWO' }))
      await say(update('TWO', [10], { keys: devices.get('TWO') ?? {}, device_display_name: 'second' }))
      assert.deepEqual(await changed(), [bob])
      assert.equal((await keysOf('TWO')).unsigned.device_display_name, 'second')
      streamId = 12
      devices.delete('ONE')
      await say(update('ONE', [11], { deleted: true }))
      assert.equal(await keysOf('ONE'), undefined)
      assert.deepEqual([asked, queried], [1, 0])
      await changed()
    })

    await t.test('are fetched again after a gap', async () => {
      streamId = 20
      devices.set('THREE', deviceKeys({ userId: bob, deviceId: 'THREE' }))
      await say(update('THREE', [19], { keys: devices.get('THREE') ?? {} }))
      assert.equal(asked, 2)
      assert.deepEqual(await changed(), [bob])
      assert.ok(await keysOf('THREE'))
      assert.equal(queried, 0)
    })

    await t.test('are fetched again where their server begins to count anew', async () => {
      streamId = 3
      devices.set('AFRESH', deviceKeys({ userId: bob, deviceId: 'AFRESH' }))
      await say(update('AFRESH', [], { keys: devices.get('AFRESH') ?? {} }))
      assert.deepEqual(await changed(), [bob])
      assert.ok(await keysOf('AFRESH'))
      devices.delete('AFRESH')
      streamId = 20
      await say(update('AFRESH', [3], { deleted: true }))
      assert.equal(asked, 3)
      assert.deepEqual(await changed(), [bob])
    })

    await t.test('come with cross-signing keys', async () => {
      const { upload } = crossSigning(bob)
      master = upload.master_key
      const content = { user_id: bob, master_key: upload.master_key, self_signing_key: upload.self_signing_key }
      await say({ edu_type: 'm.signing_key_update', content }, { edu_type: 'org.matrix.signing_key_update', content })
      assert.deepEqual(await changed(), [bob])
      const found = await query(alice, bob)
      assert.deepEqual(Object(found.master_keys)[bob], upload.master_key)
      assert.deepEqual(Object(found.self_signing_keys)[bob], upload.self_signing_key)
    })

    await t.test('stay as they were known while their server is down', async () => {
      isDown = true
      streamId = 30
      devices.set('FOUR', deviceKeys({ userId: bob, deviceId: 'FOUR' }))
      await say(update('FOUR', [29]))
      assert.deepEqual(await changed(), [bob])
      const found = await query(alice, bob)
      assert.deepEqual(Object.keys(Object(found.device_keys)[bob]).sort(), ['THREE', 'TWO'])
      assert.deepEqual(Object.keys(Object(found.failures)), [peer.serverName])
      isDown = false
      await say(update('FOUR', [29]))
      assert.ok(await keysOf('FOUR'))
    })

    await t.test('are not taken from others, or of strangers', async () => {
      const before = asked
      await changed()
      const stranger = peer.user('stranger')
      await say(
        { edu_type: 'm.device_list_update', content: { user_id: stranger, device_id: 'X', stream_id: 1 } },
        { edu_type: 'm.device_list_update', content: { user_id: '@eve:elsewhere.test', device_id: 'X', stream_id: 1 } },
        { edu_type: 'm.device_list_update', content: { user_id: alice.userId, device_id: 'PHONE', stream_id: 1 } },
      )
      assert.deepEqual([await changed(), asked], [[], before])
    })

    await t.test('are asked for from their server once no room is shared', async () => {
      queried = 0
      await leaveThrough(peer, server.serverName, roomId, bob)
      await context.rooms.ingest?.drain()
      assert.ok(await keysOf('FOUR'))
      await context.drainDeviceLists()
      assert.equal(queried, 1)
      assert.ok(await keysOf('FOUR'))
      assert.equal(queried, 2)
    })
    assert.deepEqual(peer.faults, [])
  })

  test(`devices of ours (${engine})`, { skip: withoutOpenssl || skipEngine(engine) }, async (t) => {
    const clock = createTestClock(Date.now())
    await using server = await createFederatedServer({ engine, clock })
    await using peer = await createPeer()
    const alice = await server.user('alice', { deviceId: 'PHONE' })
    const bob = peer.user('bob')
    const roomId = (await createRoom(alice, { preset: 'public_chat' })) as RoomId
    await joinThrough(peer, server.serverName, roomId, bob)
    const drain = () => server.context.sender.drain()
    const told = () => peer.edus.splice(0).map(({ edu_type: type, content }) => ({ type, content }))
    const ask = (method: string, path: string, body?: JsonObject, expect = 200) =>
      peer.request(server.serverName, method, path, { expect, ...(body && { body }) })

    await t.test('are told of at each change, each update naming the one before', async () => {
      const keys = deviceKeys(alice)
      await alice.post(`${keysPath}/upload`, { device_keys: keys })
      await drain()
      const [first] = told()
      assert.equal(first?.type, 'm.device_list_update')
      assert.deepEqual(first?.content.prev_id, [])
      assert.deepEqual(first?.content.keys, keys)
      await alice.put(at`/_matrix/client/v3/devices/PHONE`, { display_name: 'My phone' })
      await drain()
      const [second] = told()
      assert.deepEqual(second?.content.prev_id, [first?.content.stream_id])
      assert.equal(second?.content.device_display_name, 'My phone')
      const { body } = await ask('GET', at`/_matrix/federation/v1/user/devices/${alice.userId}`)
      assert.equal(body.stream_id, second?.content.stream_id)
      assert.deepEqual(body.devices, [{ device_id: 'PHONE', keys, device_display_name: 'My phone' }])
    })

    await t.test('are told of once for many changes while the server is away, and when they go', async () => {
      const laptop = await server.login('alice', 'LAPTOP')
      await laptop.post(`${keysPath}/upload`, { device_keys: deviceKeys(laptop) })
      await drain()
      told()
      const port = Number(peer.serverName.split(':')[1])
      await peer.stop()
      await alice.put(at`/_matrix/client/v3/devices/PHONE`, { display_name: 'first' })
      await drain()
      for (const name of ['a', 'b', 'c']) await alice.put(at`/_matrix/client/v3/devices/PHONE`, { display_name: name })
      await laptop.post('/_matrix/client/v3/logout', {})
      await drain()
      await peer.start(port)
      clock.advance(3_600_000)
      await drain()
      const updates = told()
      assert.deepEqual(
        updates.map(({ content }) => [content.device_id, content.deleted ?? content.device_display_name]),
        // The first was under way, and is repeated as it was.
        [
          ['PHONE', 'first'],
          ['PHONE', 'c'],
          ['LAPTOP', true],
        ],
      )
    })

    await t.test('with cross-signing keys, and only signatures for all', async () => {
      const keys = crossSigning(alice.userId)
      await alice.post(`${keysPath}/device_signing/upload`, { ...keys.upload, ...password(alice) })
      await drain()
      const edus = told()
      assert.deepEqual(
        edus.map(({ type }) => type),
        ['m.signing_key_update', 'org.matrix.signing_key_update'],
      )
      assert.deepEqual(edus[0]?.content, {
        user_id: alice.userId,
        master_key: keys.upload.master_key,
        self_signing_key: keys.upload.self_signing_key,
      })
      const signed = signedBy(deviceKeys(alice), alice.userId, keys.selfSigning)
      await alice.post(`${keysPath}/signatures/upload`, { [alice.userId]: { PHONE: signed } })
      const carol = await server.user('carol')
      const hers = crossSigning(carol.userId)
      await carol.post(`${keysPath}/device_signing/upload`, { ...hers.upload, ...password(carol) })
      const byCarol = signedBy(keys.upload.master_key, carol.userId, hers.userSigning)
      await carol.post(`${keysPath}/signatures/upload`, { [alice.userId]: { [keys.master.publicKey]: byCarol } })
      const wanted = { device_keys: { [alice.userId]: [], [bob]: [] } }
      const { body } = await ask('POST', '/_matrix/federation/v1/user/keys/query', wanted)
      const device = Object(body.device_keys)[alice.userId].PHONE
      assert.equal(Object.keys(device.signatures[alice.userId]).length, 2)
      assert.deepEqual(Object.keys(Object(Object(body.master_keys)[alice.userId]).signatures ?? {}), [])
      assert.deepEqual(Object.keys(body).sort(), ['device_keys', 'master_keys', 'self_signing_keys'])
      assert.deepEqual(Object.keys(Object(body.device_keys)), [alice.userId])
    })

    await t.test('give their one-time keys once', async () => {
      await alice.post(`${keysPath}/upload`, { one_time_keys: oneTimeKeys(alice, 1, 1) })
      const wanted = { one_time_keys: { [alice.userId]: { PHONE: 'signed_curve25519' } } }
      const first = await ask('POST', '/_matrix/federation/v1/user/keys/claim', wanted)
      assert.ok(Object(first.body.one_time_keys)[alice.userId].PHONE['signed_curve25519:AAAA001'])
      const second = await ask('POST', '/_matrix/federation/v1/user/keys/claim', wanted)
      assert.deepEqual(second.body, { one_time_keys: {} })
      await ask('GET', at`/_matrix/federation/v1/user/devices/${bob}`, undefined, 400)
      await ask('GET', at`/_matrix/federation/v1/user/devices/${`@nobody:${server.serverName}`}`, undefined, 404)
    })

    await t.test('write to devices elsewhere, but not to strangers', async () => {
      const put = (id: string, messages: JsonObject) =>
        alice.put(at`/_matrix/client/v3/sendToDevice/m.test/${id}`, { messages })
      await put('1', { [bob]: { '*': { n: 1 } }, '@eve:elsewhere.test': { '*': { n: 1 } } })
      await put('1', { [bob]: { '*': { n: 'again' } } })
      await drain()
      const [message, ...others] = told().filter(({ type }) => type === 'm.direct_to_device')
      assert.deepEqual(others, [])
      assert.deepEqual(message?.content.messages, { [bob]: { '*': { n: 1 } } })
      assert.equal(String(message?.content.message_id).length, 32)
      const known = await server.context.db.read((reader) =>
        reader.qb.selectFrom('federation_to_device').select('destination').execute(),
      )
      assert.deepEqual(known, [])
    })
    assert.deepEqual(peer.faults, [])
  })
}
