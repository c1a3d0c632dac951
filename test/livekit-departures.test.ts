import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock } from '../src/util/clock.ts'
import { livekitRoomOf } from '../src/voip/livekit/wire.ts'
import { at } from './helpers/client.ts'
import {
  type FakeLivekit,
  livekitKey,
  signLivekitToken,
  startLivekit,
  type ToldParticipant,
  webhookBody,
  webhookClaims,
} from './helpers/livekit.ts'
import { act, createRoom, getState, publicRoom, setState } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const clock = createTestClock()
const memberType = 'org.matrix.msc3401.call.member'
let livekit: FakeLivekit
let server: TestServer
let alice: TestUser
let bob: TestUser
let roomId: string
let room: string

const configOf = (url: string, changes: object = {}) => ({
  voip: { livekit: { url: 'wss://livekit.example.org', internal_url: url, ...livekitKey, ...changes } },
})

before(async () => {
  livekit = await startLivekit(clock.now)
  server = await createTestServer({ clock, config: configOf(livekit.url) })
  alice = await server.user('alice')
  bob = await server.user('bob')
})
beforeEach(async () => {
  livekit.present.clear()
  livekit.removed.length = 0
  livekit.failure = undefined
  roomId = await publicRoom(alice, [bob])
  room = livekitRoomOf(roomId, 'm.call#ROOM')
})
after(async () => {
  await server.stop()
  await livekit[Symbol.asyncDispose]()
})

const identityOf = (user: TestUser) => `${user.userId}:${user.deviceId}`
const keyOf = (user: TestUser) => `_${user.userId}_${user.deviceId}_m.call`

async function enter(user: TestUser, changes: object = {}, to = server) {
  const openid_token = await user.post(at`/_matrix/client/v3/user/${user.userId}/openid/request_token`)
  await to.client.post('/livekit/jwt/sfu/get', { room: roomId, device_id: user.deviceId, openid_token, ...changes })
}

async function tell(event: string, user: TestUser, told: Partial<ToldParticipant> = {}, to = server) {
  const body = webhookBody(event, { room, identity: identityOf(user), joinedAt: clock.now(), ...told }, clock.now())
  const authorization = signLivekitToken(webhookClaims(body, clock.now()))
  await to.client.request('POST', '/livekit/jwt/sfu_webhook', { body, headers: { authorization }, expect: 200 })
  if (event === 'participant_joined') livekit.present.add(`${room} ${identityOf(user)}`)
  else livekit.present.delete(`${room} ${identityOf(user)}`)
  await to.context.jobs.drain()
}

const beInCall = (user: TestUser, content: JsonObject = {}, to = server) =>
  setState(
    user,
    roomId,
    memberType,
    {
      application: 'm.call',
      call_id: '',
      scope: 'm.room',
      device_id: user.deviceId,
      focus_active: { type: 'livekit', focus_selection: 'multi_sfu' },
      foci_preferred: [{ type: 'livekit', livekit_service_url: `${to.url}/livekit/jwt` }],
      ...content,
    },
    keyOf(user),
  )

const isInCall = async (user: TestUser) =>
  (await getState(user, roomId, memberType, keyOf(user))).application === 'm.call'

async function pass(ms: number, to = server) {
  clock.advance(ms)
  await to.context.jobs.drain()
}

test('a membership whose app has vanished is ended for it', async () => {
  for (const user of [alice, bob]) {
    await enter(user)
    await beInCall(user)
    await tell('participant_joined', user)
  }
  await tell('participant_left', alice, { reason: 'CONNECTION_TIMEOUT' })
  await pass(29_000)
  assert.equal(await isInCall(alice), true)
  await pass(1_000)
  assert.equal(await isInCall(alice), false)
  assert.equal(await isInCall(bob), true)
})

test('who comes back in time, or shows signs of life, stays in the call', async () => {
  const joinedAt = clock.now()
  await enter(alice)
  await beInCall(alice)
  await tell('participant_joined', alice, { sid: 'PA_1', joinedAt })
  clock.advance(5000)
  await tell('participant_left', alice, { sid: 'PA_1', joinedAt, reason: 'CONNECTION_TIMEOUT' })
  clock.advance(5000)
  await tell('participant_joined', alice, { sid: 'PA_2' })
  await pass(60_000)
  assert.equal(await isInCall(alice), true)
  // Another LiveKit server than ours, or one that is dialled a moment later.
  await tell('participant_left', alice, { sid: 'PA_2', reason: 'CLIENT_INITIATED' })
  clock.advance(2000)
  await beInCall(alice, { expires: 7_200_000 })
  await pass(60_000)
  assert.equal(await isInCall(alice), true)
})

test('a leave that the room does not allow is given up', async () => {
  await enter(bob)
  await beInCall(bob)
  await tell('participant_joined', bob)
  await tell('participant_left', bob, { reason: 'CONNECTION_TIMEOUT' })
  await act(alice, roomId, 'ban', { user_id: bob.userId })
  await pass(30_000)
  const { application } = await getState(alice, roomId, memberType, keyOf(bob))
  assert.equal(application, 'm.call')
})

test('a server that is told to leave memberships alone does', async () => {
  await using other = await createTestServer({ clock, config: configOf(livekit.url, { leave_after: 'never' }) })
  const carol = await other.user('carol')
  roomId = await createRoom(carol)
  room = livekitRoomOf(roomId, 'm.call#ROOM')
  await enter(carol, {}, other)
  await beInCall(carol, {}, other)
  await tell('participant_joined', carol, {}, other)
  await tell('participant_left', carol, {}, other)
  await pass(3_600_000, other)
  assert.equal(await isInCall(carol), true)
})

test('who is removed from the room is put out of its call, and again with a token from before', async () => {
  await enter(bob)
  await act(alice, roomId, 'kick', { user_id: bob.userId })
  await pass(0)
  assert.deepEqual(livekit.removed, [])
  await act(bob, roomId, 'join')
  await tell('participant_joined', bob)
  await act(alice, roomId, 'kick', { user_id: bob.userId })
  await pass(0)
  const name = `${room} ${identityOf(bob)}`
  assert.deepEqual(livekit.removed, [name])
  await tell('participant_joined', bob, { sid: 'PA_again', joinedAt: clock.now() + 1 })
  livekit.failure = 'no answer'
  await pass(0)
  livekit.failure = undefined
  await pass(60_000)
  assert.deepEqual(livekit.removed, [name, name])
})

test('by what LiveKit tells the call log knows who answered, in a room that shows nothing else', async () => {
  roomId = await createRoom(alice, { preset: 'trusted_private_chat', is_direct: true, invite: [bob.userId] })
  await act(bob, roomId, 'join')
  room = livekitRoomOf(roomId, 'm.call#ROOM')
  for (const user of [alice, bob]) await enter(user)
  await tell('participant_joined', alice)
  await pass(5_000)
  await tell('participant_joined', bob)
  await pass(20_000)
  for (const user of [alice, bob]) await tell('participant_left', user, { reason: 'CLIENT_INITIATED' })
  for (let i = 0; i < 12; i++) await pass(10_000)
  const { calls } = await alice.get<{ calls: { room_id: string; outcome: string; peer?: string }[] }>(
    '/_ringback/v1/calls',
  )
  const [call] = calls.filter((one) => one.room_id === roomId)
  assert.deepEqual([call?.outcome, call?.peer], ['answered', bob.userId])
})

/** A leave that is sent after `delay` ms. */
async function delayLeave(user: TestUser, delay = 3_600_000, to = roomId): Promise<string> {
  const path = at`/_matrix/client/v3/rooms/${to}/state/${memberType}/${keyOf(user)}`
  const query = { 'org.matrix.msc4140.delay': delay }
  return (await user.request<{ delay_id: string }>('PUT', path, { query, body: {}, expect: 200 })).body.delay_id
}

const settle = async (to = server) => {
  await to.context.jobs.drain()
  await to.context.delayed.drain()
}

/** Lets time pass as a server that is awake does: nothing that becomes due waits for the end of it. */
async function live(ms: number, step: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += step) {
    clock.advance(step)
    await server.context.jobs.drain()
    await server.context.delayed.drain()
  }
}

const entrust = async (user: TestUser, delayId: string, changes: object = {}) => ({
  room_id: roomId,
  slot_id: 'm.call#ROOM',
  openid_token: await user.post(at`/_matrix/client/v3/user/${user.userId}/openid/request_token`),
  member: { id: 'xyz', claimed_user_id: user.userId, claimed_device_id: user.deviceId },
  delay_id: delayId,
  delay_timeout: 3_600_000,
  delay_cs_api_url: server.url,
  ...changes,
})

test('an entrusted leave waits as long as LiveKit sees the participant, and is sent when it does not', async () => {
  const delayId = await delayLeave(bob)
  await beInCall(bob)
  await enter(bob, { delay_id: delayId, delay_timeout: 3_600_000, delay_cs_api_url: server.url })
  clock.advance(60_000)
  await tell('participant_joined', bob)
  await live(5 * 3_600_000, 600_000)
  assert.equal(await isInCall(bob), true)
  // A repetition of the webhook sends nothing twice.
  await tell('participant_left', bob, { reason: 'CLIENT_INITIATED' })
  await tell('participant_left', bob, { reason: 'CLIENT_INITIATED' })
  await settle()
  assert.equal(await isInCall(bob), false)
  const row = await server.context.delayed.get(delayId)
  assert.equal(row?.outcome, 'sent')
})

test('who never joins, or whose webhook got lost, is gone by the delay at the latest', async () => {
  const [first, second] = [await delayLeave(alice), await delayLeave(bob)]
  for (const [user, delayId] of [
    [alice, first],
    [bob, second],
  ] as const) {
    await beInCall(user)
    await enter(user, { delay_id: delayId })
  }
  await tell('participant_joined', bob)
  livekit.present.delete(`${room} ${identityOf(bob)}`)
  await live(3_590_000, 359_000)
  assert.equal(await isInCall(alice), true)
  // At the first look LiveKit did not know bob any more.
  assert.equal(await isInCall(bob), false)
  await live(20_000, 10_000)
  assert.equal(await isInCall(alice), false)
})

test('without any webhook LiveKit is asked who came and who has gone', async () => {
  const delayId = await delayLeave(bob)
  await beInCall(bob)
  await enter(bob, { delay_id: delayId })
  livekit.present.add(`${room} ${identityOf(bob)}`)
  await live(5 * 3_600_000, 30_000 * 20)
  assert.equal(await isInCall(bob), true)
  livekit.present.clear()
  await live(3_000_000, 600_000)
  assert.equal(await isInCall(bob), false)
})

test('while LiveKit does not answer the delay goes on', async () => {
  const delayId = await delayLeave(bob, 60_000)
  await beInCall(bob)
  await enter(bob, { delay_id: delayId })
  await tell('participant_joined', bob)
  await live(120_000, 10_000)
  assert.equal(await isInCall(bob), true)
  livekit.failure = 'no answer'
  await live(70_000, 10_000)
  assert.equal(await isInCall(bob), false)
})

test('a leave can be entrusted later, in each form, and another takes its place', async () => {
  await beInCall(bob)
  const [first, second, third] = [await delayLeave(bob), await delayLeave(bob), await delayLeave(bob)]
  const service = '/livekit/jwt/delegate_delayed_leave'
  await server.client.post(service, await entrust(bob, first))
  const native = { url: 'wss://livekit.example.org', room_id: roomId, slot_id: 'm.call#ROOM', member_id: 'xyz' }
  const path = '/_matrix/client/v1/rtc/livekit/delegate_delayed_leave'
  await bob.post(path, { ...native, delay_id: second })
  await bob.post('/_matrix/client/unstable/io.element.msc4195/rtc/livekit/delegate_delayed_leave', {
    ...native,
    delay_id: third,
  })
  const row = await server.context.db.read(
    (reader) => server.context.livekit?.participants.ofRoom(reader, roomId) ?? Promise.resolve([]),
  )
  assert.deepEqual(row.map(({ delay_id }) => delay_id).sort(), [first, third].sort())

  const foreign = await delayLeave(alice)
  const elsewhere = await createRoom(bob)
  const misplaced = await delayLeave(bob, 3_600_000, elsewhere)
  const short = await delayLeave(bob, 1000)
  for (const delayId of [foreign, misplaced, short, 'unknown']) {
    const { body } = await bob.request('POST', path, { body: { ...native, delay_id: delayId }, expect: 400 })
    assert.equal(body.errcode, 'M_INVALID_PARAM')
    const answer = await server.client.request('POST', service, { body: await entrust(bob, delayId), expect: 400 })
    assert.equal(answer.body.errcode, 'M_INVALID_PARAM')
  }
  const { body } = await bob.request('POST', path, { body: native, expect: 400 })
  assert.equal(body.errcode, 'M_MISSING_PARAM')
  const stranger = await entrust(alice, first, {
    member: { id: 'x', claimed_user_id: bob.userId, claimed_device_id: 'D' },
  })
  await server.client.request('POST', service, { body: stranger, expect: 401 })
  await bob.request('POST', path, { body: { ...native, url: 'wss://x', delay_id: third }, expect: 400 })
})

test('what was entrusted outlives a restart', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ringback-test-'))
  try {
    const start = () => createTestServer({ clock, config: configOf(livekit.url), dataDir })
    let carol: TestUser
    let delayId: string
    {
      await using first = await start()
      carol = await first.user('carol')
      roomId = await createRoom(carol)
      room = livekitRoomOf(roomId, 'm.call#ROOM')
      delayId = await delayLeave(carol)
      await enter(carol, { delay_id: delayId }, first)
      await tell('participant_joined', carol, {}, first)
      await first.context.jobs.drain()
    }
    clock.advance(2_900_000)
    await using second = await start()
    await settle(second)
    clock.advance(2_000_000)
    await settle(second)
    assert.equal((await second.context.delayed.get(delayId))?.outcome, null)
    await tell('participant_left', carol, {}, second)
    await settle(second)
    assert.equal((await second.context.delayed.get(delayId))?.outcome, 'sent')
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})
