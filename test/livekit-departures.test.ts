import assert from 'node:assert/strict'
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
