import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import {
  appserviceConfig,
  createGhost,
  type FakeAppservice,
  type Ghost,
  registered,
  startAppservice,
} from './helpers/appservice.ts'
import { at } from './helpers/client.ts'
import { deviceKeys, oneTimeKeys } from './helpers/e2ee.ts'
import { createRoom, publicRoom, send, setState, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestServer } from './helpers/server.ts'

interface Edu extends JsonObject {
  type: string
  content: JsonObject
}

/** What came under a key of the transactions; where it has two names, both must say the same. */
function arrived<T>(service: FakeAppservice, name: string, other = name): T[] {
  return service.transactions.flatMap(({ body }) => {
    assert.deepEqual(body[name], body[other])
    const value = body[name]
    return value === undefined ? [] : [value as T]
  })
}

const edus = (service: FakeAppservice, type: string) =>
  arrived<Edu[]>(service, 'ephemeral', 'de.sorunome.msc2409.ephemeral')
    .flat()
    .filter((event) => event.type === type)
const messages = (service: FakeAppservice) =>
  arrived<JsonObject[]>(service, 'to_device', 'de.sorunome.msc2409.to_device').flat()
const lists = (service: FakeAppservice) =>
  arrived<{ changed: string[]; left: string[] }>(service, 'org.matrix.msc3202.device_lists')
const counts = (service: FakeAppservice) =>
  arrived<Record<string, Record<string, JsonObject>>>(service, 'org.matrix.msc3202.device_one_time_keys_count')
const fallbacks = (service: FakeAppservice) =>
  arrived<Record<string, Record<string, string[]>>>(service, 'org.matrix.msc3202.device_unused_fallback_key_types')

async function enter(ghost: Ghost, room: string): Promise<void> {
  await ghost.request('POST', at`/_matrix/client/v3/join/${room}`, { body: {} })
}

const typing = (room: string, userId: string) => at`/_matrix/client/v3/rooms/${room}/typing/${userId}`
const receipt = (room: string, type: string, event: string) =>
  at`/_matrix/client/v3/rooms/${room}/receipt/${type}/${event}`

test('typing, receipts and presence come to those who asked for them', async () => {
  await using service = await startAppservice({ registration: { receive_ephemeral: true } })
  await using plain = await startAppservice({ id: 'plain' })
  await using server = await createTestServer({ config: appserviceConfig(service, plain) })
  const alice = await server.user('alice')
  const bob = await server.user('bob')
  const ghosts = [await createGhost(server, service, '_irc_a'), await createGhost(server, plain, '_plain_a')]
  const room = await publicRoom(alice, [bob])
  for (const ghost of ghosts) await enter(ghost, room)
  const elsewhere = await createRoom(bob)
  const event = await send(alice, room, 'hello')
  const unseen = await send(bob, elsewhere, 'alone')

  await alice.put(typing(room, alice.userId), { typing: true, timeout: 30_000 })
  await bob.put(typing(elsewhere, bob.userId), { typing: true, timeout: 30_000 })
  const [typed] = await service.until(() => edus(service, 'm.typing').length > 0 && edus(service, 'm.typing'))
  assert.deepEqual(typed, { type: 'm.typing', room_id: room, content: { user_ids: [alice.userId] } })
  await alice.put(typing(room, alice.userId), { typing: false })
  const ended = () => edus(service, 'm.typing').find(({ content }) => (content.user_ids as string[]).length === 0)
  await service.until(ended, 'the end of typing')

  await bob.post(receipt(elsewhere, 'm.read', unseen))
  await bob.post(receipt(room, 'm.read.private', event))
  await ghosts[0]?.request('POST', receipt(room, 'm.read.private', event), { body: {} })
  await alice.post(receipt(room, 'm.read', event))
  const read = () => {
    const users = edus(service, 'm.receipt').flatMap(({ room_id, content }) => {
      assert.equal(room_id, room)
      return Object.entries(Object(content[event])).flatMap(([type, by]) =>
        Object.keys(Object(by)).map((userId) => [type, userId]),
      )
    })
    return users.some(([, userId]) => userId === alice.userId) && users
  }
  const seen = await service.until(read, 'the receipt')
  assert.ok(seen.some(([type, userId]) => type === 'm.read.private' && userId === ghosts[0]?.userId))
  assert.ok(!seen.some(([, userId]) => userId === bob.userId), 'private receipts are for their users only')

  await bob.put(at`/_matrix/client/v3/presence/${bob.userId}/status`, { presence: 'online', status_msg: 'here' })
  await send(alice, room, 'wake')
  const presence = () =>
    edus(service, 'm.presence').find(({ sender, content }) => sender === bob.userId && content.status_msg)
  assert.equal((await service.until(presence, 'the presence')).content.status_msg, 'here')
  await server.context.appservices.drain()
  assert.deepEqual(edus(plain, 'm.typing'), [])
  assert.ok(plain.transactions.every(({ body }) => Object.keys(body).join() === 'events'))
})

test('receipts wait for a service that is away', async () => {
  await using service = await startAppservice({ registration: { 'de.sorunome.msc2409.push_ephemeral': true } })
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const alice = await server.user('alice')
  const ghost = await createGhost(server, service, '_irc_a')
  const room = await publicRoom(alice, [])
  await enter(ghost, room)
  await server.context.appservices.drain()
  await service.kill()
  for (let n = 0; n < 3; n++) await alice.post(receipt(room, 'm.read', await send(alice, room, `${n}`)))
  const last = await send(alice, room, 'last')
  await alice.post(receipt(room, 'm.read', last))
  await service.listen()
  await server.context.appservices.retry(registered(server))
  await service.until(() => edus(service, 'm.receipt').some(({ content }) => content[last]), 'the last receipt')
})

interface Encrypted {
  server: TestServer
  service: FakeAppservice
  ghost: Ghost
}

/** A ghost with a device that has keys. */
async function withDevice(server: TestServer, service: FakeAppservice): Promise<Encrypted> {
  const ghost = await createGhost(server, service, '_irc_a')
  await ghost.request('PUT', `${v3}/devices/D`, { body: {}, expect: 201 })
  const owner = { userId: ghost.userId, deviceId: 'D' }
  const [fallback] = Object.entries(oneTimeKeys(owner, 500, 1))
  assert.ok(fallback)
  const body = {
    device_keys: deviceKeys(owner),
    one_time_keys: oneTimeKeys(owner, 0, 2),
    fallback_keys: { [fallback[0]]: { ...Object(fallback[1]), fallback: true } },
  }
  await ghost.request('POST', `${v3}/keys/upload`, { body, query: { device_id: 'D' } })
  await server.context.appservices.drain()
  return { server, service, ghost }
}

const encrypting = { receive_ephemeral: true, 'org.matrix.msc3202': true, 'io.element.msc4190': true }

test('messages to devices of ghosts come in transactions, in order and once', async () => {
  await using service = await startAppservice({ registration: encrypting })
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const { ghost } = await withDevice(server, service)
  const alice = await server.user('alice')
  const post = (n: number, device = 'D') =>
    alice.put(at`/_matrix/client/v3/sendToDevice/m.test/${`${n}`}`, {
      messages: { [ghost.userId]: { [device]: { n } }, '@alice:localhost': { '*': { n } } },
    })
  await post(0)
  await post(1, '*')
  await server.context.appservices.drain()
  await service.kill()
  for (let n = 2; n < 150; n++) await post(n)
  await service.listen()
  await server.context.appservices.retry(registered(server))
  await service.until(() => messages(service).length >= 150, 'all messages')
  assert.deepEqual(
    messages(service),
    Array.from({ length: 150 }, (_, n) => ({
      type: 'm.test',
      sender: alice.userId,
      content: { n },
      to_user_id: ghost.userId,
      to_device_id: 'D',
    })),
  )
  const synced = await ghost.request('GET', `${v3}/sync`, { query: { device_id: 'D' } })
  assert.equal(synced.body.to_device, undefined, 'what a transaction holds is in no inbox any more')
})

test('a service whose ghosts also sync is sent copies only', async () => {
  await using service = await startAppservice({ registration: { receive_ephemeral: true } })
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const { ghost } = await withDevice(server, service)
  const alice = await server.user('alice')
  await alice.put(`${v3}/sendToDevice/m.test/1`, { messages: { [ghost.userId]: { D: { n: 1 } } } })
  await server.context.appservices.drain()
  assert.equal(messages(service).length, 1)
  const synced = await ghost.request('GET', `${v3}/sync`, { query: { device_id: 'D' } })
  assert.equal((Object(synced.body.to_device).events as unknown[]).length, 1)
  assert.deepEqual(counts(service), [])
})

test('a service hears how many keys are left when somebody takes some', async () => {
  await using service = await startAppservice({ registration: encrypting })
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const { ghost } = await withDevice(server, service)
  const alice = await server.user('alice')
  const claim = () => alice.post(`${v3}/keys/claim`, { one_time_keys: { [ghost.userId]: { D: 'signed_curve25519' } } })
  for (const left of [1, 0, 0]) {
    await claim()
    await server.context.appservices.drain()
    assert.deepEqual(counts(service).at(-1), { [ghost.userId]: { D: { signed_curve25519: left } } })
  }
  assert.deepEqual(
    fallbacks(service).map((byUser) => byUser[ghost.userId]?.D),
    [['signed_curve25519'], ['signed_curve25519'], []],
  )
  const told = service.transactions.length
  await server.context.appservices.drain()
  assert.equal(service.transactions.length, told)
})

test('a service hears of new devices of those who share rooms with its users', async () => {
  await using service = await startAppservice({ registration: encrypting })
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const { ghost } = await withDevice(server, service)
  const alice = await server.user('alice')
  const bob = await server.user('bob')
  const stranger = await server.user('stranger')
  const upload = (user: typeof alice) => user.post(`${v3}/keys/upload`, { device_keys: deviceKeys(user) })
  const changed = () => lists(service).flatMap((list) => list.changed)
  const left = () => lists(service).flatMap((list) => list.left)
  const room = await publicRoom(alice, [])
  await setState(alice, room, 'm.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' })

  await enter(ghost, room)
  await server.context.appservices.drain()
  assert.ok(changed().includes(alice.userId), 'whom the first ghost meets in an encrypted room')
  const before = lists(service).length
  await upload(alice)
  await upload(stranger)
  await server.context.appservices.drain()
  assert.deepEqual(lists(service).slice(before), [{ changed: [alice.userId], left: [] }])
  await bob.post(at`/_matrix/client/v3/join/${room}`)
  await server.context.appservices.drain()
  assert.deepEqual(changed().at(-1), bob.userId, 'who comes into the room')
  await bob.post(at`/_matrix/client/v3/rooms/${room}/leave`)
  await server.context.appservices.drain()
  assert.deepEqual(left(), [bob.userId], 'who shares no room any more')
  const afterwards = lists(service).length
  await upload(bob)
  await server.context.appservices.drain()
  assert.equal(lists(service).length, afterwards)
  assert.ok(!changed().includes(stranger.userId))

  await service.kill()
  await alice.put(`${v3}/devices/${alice.deviceId}`, { display_name: 'Renamed' })
  await service.listen()
  await server.context.appservices.retry(registered(server))
  await service.until(() => lists(service).length > afterwards, 'the change that happened meanwhile')
  assert.deepEqual(lists(service).at(-1)?.changed, [alice.userId])
})
