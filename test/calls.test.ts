import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock, type TestClock } from '../src/util/clock.ts'
import type { Call } from '../src/voip/calls/types.ts'
import { createRoom, join, send } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

let clock: TestClock
let server: TestServer
let alice: TestUser
let bob: TestUser
const settled: Call[] = []

before(async () => {
  clock = createTestClock()
  server = await createTestServer({ clock })
  server.context.calls.subscribe({ settled: async (_, call) => void settled.push(call) })
  alice = await server.user('alice')
  bob = await server.user('bob')
})
after(() => server.stop())

async function directChat(): Promise<string> {
  const roomId = await createRoom(alice, { preset: 'trusted_private_chat', is_direct: true, invite: [bob.userId] })
  await join(bob, roomId)
  clock.advance(180_000)
  settled.length = 0
  return roomId
}

async function wait(ms: number): Promise<void> {
  clock.advance(ms)
  await server.context.jobs.drain()
}

const log = async (user: TestUser, query: Record<string, string | number> = {}) =>
  (await user.get<{ calls: JsonObject[]; next?: string }>('/_ringback/v1/calls', query)).calls

const offer = (media = 'audio') => ({ type: 'offer', sdp: `v=0\r\nm=${media} 9 UDP/TLS/RTP/SAVPF 111\r\n` })
const common = { call_id: 'c1', party_id: 'p1', version: '1' }

test('a call that nobody answers is missed, and stands so in both logs', async () => {
  const roomId = await directChat()
  await send(alice, roomId, { ...common, lifetime: 60_000, offer: offer('video') }, 'm.call.invite')
  const [ringing] = await log(alice)
  assert.equal(ringing?.outcome, 'ringing')
  assert.equal((await log(bob))[0]?.outcome, 'ringing')
  await wait(60_000)
  await send(alice, roomId, { ...common, reason: 'invite_timeout' }, 'm.call.hangup')
  await wait(2_999)
  assert.deepEqual(settled, [])
  await wait(1)
  assert.deepEqual(
    settled.map(({ outcome, promptReason }) => [outcome, promptReason]),
    [['missed', 'timeout']],
  )
  const times = { started_ts: ringing?.started_ts, ended_ts: Number(ringing?.started_ts) + 60_000 }
  const common1 = { call_id: ringing?.call_id, room_id: roomId, kind: 'video', ...times }
  assert.deepEqual((await log(alice))[0], { ...common1, peer: bob.userId, direction: 'outgoing', outcome: 'missed' })
  assert.deepEqual((await log(bob))[0], { ...common1, peer: alice.userId, direction: 'incoming', outcome: 'missed' })
})

test('the log answers whoever has a token, and gives pages that stay as they are', async () => {
  const answer = await server.client.request('GET', '/_ringback/v1/calls', { expect: 401 })
  assert.equal(answer.body.errcode, 'M_MISSING_TOKEN')
})
