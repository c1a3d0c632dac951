import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock, type TestClock } from '../src/util/clock.ts'
import { livekitRoomOf } from '../src/voip/livekit/wire.ts'
import { at } from './helpers/client.ts'
import { type FakeLivekit, livekitKey, openLivekitToken, startLivekit } from './helpers/livekit.ts'
import { act, createRoom, publicRoom } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const service = '/livekit/jwt'
const url = 'wss://livekit.example.org'

let clock: TestClock
let livekit: FakeLivekit
let server: TestServer
let alice: TestUser
let bob: TestUser
let roomId: string

before(async () => {
  clock = createTestClock()
  livekit = await startLivekit(clock.now)
  const config = { voip: { livekit: { url, internal_url: livekit.url, ...livekitKey } } }
  server = await createTestServer({ clock, config })
  alice = await server.user('alice')
  bob = await server.user('bob')
  roomId = await createRoom(alice)
})
beforeEach(() => {
  livekit.failure = undefined
  livekit.opened.length = 0
})
after(async () => {
  await server.stop()
  await livekit[Symbol.asyncDispose]()
})

const prove = (user: TestUser) => user.post(at`/_matrix/client/v3/user/${user.userId}/openid/request_token`)

const legacy = async (user: TestUser, changes: object = {}) => ({
  room: roomId,
  openid_token: await prove(user),
  device_id: user.deviceId,
  ...changes,
})

const slotted = async (user: TestUser, changes: object = {}) => ({
  room_id: roomId,
  slot_id: 'm.call#ROOM',
  openid_token: await prove(user),
  member: { id: 'xyz', claimed_user_id: user.userId, claimed_device_id: user.deviceId },
  ...changes,
})

async function admitted(path: string, body: object) {
  const answer = await server.client.post<{ url: string; jwt: string }>(service + path, body)
  assert.equal(answer.url, url)
  const claims = openLivekitToken(answer.jwt, clock.now())
  assert.ok(claims !== undefined)
  return claims
}

async function refused(path: string, body: object, status = 401): Promise<unknown> {
  const answer = await server.client.request('POST', service + path, { body, expect: status })
  assert.equal(answer.headers.get('access-control-allow-origin'), '*')
  assert.deepEqual(livekit.opened, [])
  return answer.body.errcode
}

test('clients find the way to calls at both paths and in the well-known file', async () => {
  const transports = [{ type: 'livekit', livekit_service_url: server.url + service }]
  for (const path of ['v1/rtc/transports', 'unstable/org.matrix.msc4143/rtc/transports']) {
    const answer = { rtc_transports: transports, transports: [{ type: 'm.livekit', url }] }
    assert.deepEqual(await alice.get(`/_matrix/client/${path}`), answer)
    const { body } = await server.client.request('GET', `/_matrix/client/${path}`, { expect: 401 })
    assert.equal(body.errcode, 'M_MISSING_TOKEN')
  }
  const known = await server.client.get('/.well-known/matrix/client')
  assert.deepEqual(known['org.matrix.msc4143.rtc_foci'], transports)
  const { unstable_features: flags } = await server.client.get<{ unstable_features: JsonObject }>(
    '/_matrix/client/versions',
  )
  assert.equal(flags['org.matrix.msc4143'], true)
  assert.equal(flags['io.element.msc4195'], true)
  await server.client.get(`${service}/healthz`)
})

test('the name of a call at LiveKit is the one that the proposal computes', () => {
  assert.equal(livekitRoomOf('!roomid:example.com', 'slot1234'), 'O8437W3+jmzMVjoIP3tNwbm+XxHQk2iKpOA7aqw3qSc')
})

test('both kinds of requests lead a member into the same call, under the identity of each kind', async () => {
  const room = livekitRoomOf(roomId, 'm.call#ROOM')
  const video = {
    room,
    roomJoin: true,
    roomCreate: false,
    canPublish: true,
    canSubscribe: true,
    canUpdateOwnMetadata: true,
  }
  const now = Math.floor(clock.now() / 1000)
  const first = await admitted('/sfu/get', await legacy(alice))
  const times = { nbf: now, exp: now + 3600 }
  assert.deepEqual(first, { iss: 'ringback', sub: `${alice.userId}:${alice.deviceId}`, ...times, video })
  const member = { id: 'xyz', claimed_user_id: alice.userId, claimed_device_id: 'DEV' }
  const second = await admitted('/get_token', await slotted(alice, { member }))
  // printf '["@alice:localhost","DEV","xyz"]' | openssl dgst -sha256 -binary | base64
  const sub = '+9GfoBbR6KbGpnQhf34TjSQrCR7f8vsbkSN3W3F7pWo'
  assert.deepEqual(second, { iss: 'ringback', sub, ...times, video })
  const asked = { name: room, empty_timeout: 300, departure_timeout: 20 }
  assert.deepEqual(livekit.opened, [asked, asked])
})

test('nobody gets into calls of rooms in which they are not', async () => {
  assert.equal(await refused('/sfu/get', await legacy(bob)), 'M_UNAUTHORIZED')
  assert.equal(await refused('/get_token', await slotted(bob)), 'M_UNAUTHORIZED')
  await act(alice, roomId, 'invite', { user_id: bob.userId })
  assert.equal(await refused('/sfu/get', await legacy(bob)), 'M_UNAUTHORIZED')
  assert.equal(await refused('/sfu/get', await legacy(alice, { room: '!nowhere:localhost' })), 'M_UNAUTHORIZED')
  const left = await publicRoom(alice, [bob])
  await admitted('/sfu/get', await legacy(bob, { room: left }))
  livekit.opened.length = 0
  await act(alice, left, 'kick', { user_id: bob.userId })
  assert.equal(await refused('/sfu/get', await legacy(bob, { room: left })), 'M_UNAUTHORIZED')
})

test('forged, foreign and expired proofs of identity prove nothing', async () => {
  const good = await prove(alice)
  for (const token of ['x', alice.accessToken, `${good.access_token}x`]) {
    const body = await legacy(alice, { openid_token: { ...good, access_token: token } })
    assert.equal(await refused('/sfu/get', body), 'M_UNAUTHORIZED')
  }
  // A server that is not in the room is not even asked.
  const elsewhere = { ...good, matrix_server_name: 'evil.example.org' }
  assert.equal(await refused('/sfu/get', await legacy(alice, { openid_token: elsewhere })), 'M_UNAUTHORIZED')
  // What proves that somebody is bob does not prove that it is alice.
  const member = { id: 'xyz', claimed_user_id: alice.userId, claimed_device_id: alice.deviceId }
  assert.equal(await refused('/get_token', await slotted(bob, { member })), 'M_UNAUTHORIZED')
  const shared = await publicRoom(alice, [bob])
  assert.equal(await refused('/get_token', await slotted(bob, { member, room_id: shared })), 'M_UNAUTHORIZED')
  clock.advance(3_600_000)
  assert.equal(await refused('/sfu/get', await legacy(alice, { openid_token: good })), 'M_UNAUTHORIZED')
})

test('requests that are not complete or make no sense are refused', async () => {
  for (const key of ['room', 'openid_token', 'device_id']) {
    const { [key]: _, ...rest } = (await legacy(alice)) as JsonObject
    assert.equal(await refused('/sfu/get', rest, 400), 'M_MISSING_PARAM', key)
  }
  for (const key of ['room_id', 'slot_id', 'openid_token', 'member']) {
    const { [key]: _, ...rest } = (await slotted(alice)) as JsonObject
    assert.equal(await refused('/get_token', rest, 400), 'M_MISSING_PARAM', key)
  }
  for (const changes of [
    { room: 'x' },
    { room: '!\0:localhost' },
    { device_id: '' },
    { device_id: 'x'.repeat(256) },
    // `@alice:localhost` with this device would be `@alice:localhost:8448` with another.
    { device_id: '8448:DEV' },
    { openid_token: { access_token: 'x', matrix_server_name: 'http://127.0.0.1/' } },
    { openid_token: 'x' },
  ]) {
    assert.equal(await refused('/sfu/get', await legacy(alice, changes), 400), 'M_BAD_JSON', JSON.stringify(changes))
  }
  await server.client.request('POST', `${service}/sfu/get`, { body: '[', expect: 400 })
})

test('somebody who is suspended may not speak in calls either', async () => {
  const { db, accounts } = server.context
  const suspend = (isSuspended: boolean) =>
    db.write('suspend', (tx) => accounts.users.setFlags(tx, alice.userId, { isSuspended }))
  await suspend(true)
  try {
    assert.equal(await refused('/sfu/get', await legacy(alice), 403), 'M_USER_SUSPENDED')
  } finally {
    await suspend(false)
  }
  await admitted('/sfu/get', await legacy(alice))
})

test('nobody can have rooms opened without end', async () => {
  const config = {
    rate_limits: { enabled: true, membership: { per_second: 0.001, burst: 3 } },
    voip: { livekit: { url, internal_url: livekit.url, ...livekitKey } },
  }
  await using limited = await createTestServer({ clock, config })
  const carol = await limited.user('carol')
  const room = await createRoom(carol)
  const ask = async (slot: string, expect: number) => {
    const body = { ...(await slotted(carol, { room_id: room })), slot_id: slot }
    return (await limited.client.request('POST', `${service}/get_token`, { body, expect })).body.errcode
  }
  // Making the room counts, too.
  for (const slot of ['a', 'b']) await ask(slot, 200)
  assert.equal(await ask('c', 429), 'M_LIMIT_EXCEEDED')
  assert.equal(livekit.opened.length, 2)
})

test('no token is given out while LiveKit fails, and pages elsewhere may ask', async () => {
  for (const failure of [500, 401, 'no answer'] as const) {
    livekit.failure = failure
    assert.equal(await refused('/sfu/get', await legacy(alice), 502), 'M_CONNECTION_FAILED')
  }
  const preflight = await server.client.request('OPTIONS', `${service}/get_token`)
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*')
  assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /Content-Type/)
})
