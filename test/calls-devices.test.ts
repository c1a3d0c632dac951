import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock, type TestClock } from '../src/util/clock.ts'
import type { Step } from '../src/voip/calls/scenarios/scenario.ts'
import { elementCall, legacy } from '../src/voip/calls/scenarios/shapes.ts'
import type { Call } from '../src/voip/calls/types.ts'
import { openRoom, pass, type Stage, takeStep } from './helpers/calls.ts'
import { testOnEngines } from './helpers/engines.ts'
import { openLive } from './helpers/live.ts'
import { temporaryFolder } from './helpers/program.ts'
import { act } from './helpers/rooms.ts'
import { createTestServer, password, type TestServer, type TestUser } from './helpers/server.ts'

let clock: TestClock
let server: TestServer
let stage: Stage
const settled: Call[] = []

before(async () => {
  clock = createTestClock()
  server = await createTestServer({ clock })
  server.context.calls.subscribe({ settled: async (_, call) => void settled.push(call) })
  stage = await staged(server)
})
after(() => server.stop())
beforeEach(async () => {
  await wait(180_000)
  settled.length = 0
})

async function staged(of: TestServer): Promise<Stage> {
  const people = { alice: await of.user('alice'), bob: await of.user('bob'), carol: await of.user('carol') }
  return { server: of, clock, people }
}
const wait = (ms: number, on = stage) => pass(on, clock.now() + ms)
const log = async (user: TestUser) => (await user.get<{ calls: JsonObject[] }>('/_ringback/v1/calls')).calls
const take = (roomId: string, step: Step, on = stage) => takeStep(on, {}, { roomId, step, ids: new Map() })

test('somebody of a group who answers has the call in the log, and ends it by hanging up', async () => {
  const { alice, bob, carol } = stage.people
  const roomId = await openRoom(stage, { isGroup: true })
  await take(roomId, legacy.invite(0, 'alice'))
  await take(roomId, legacy.say(0, 'bob', 'answer'))
  const [mine] = await log(alice)
  const [his] = await log(bob)
  assert.deepEqual([mine?.room_id, mine?.peer, mine?.direction, mine?.outcome], [roomId, null, 'outgoing', 'answered'])
  assert.deepEqual([his?.call_id, his?.peer, his?.direction], [mine?.call_id, alice.userId, 'incoming'])
  assert.notEqual((await log(carol))[0]?.room_id, roomId)
  await wait(60_000)
  await take(roomId, legacy.say(0, 'carol', 'hangup'))
  assert.equal((await log(alice))[0]?.ended_ts, null)
  await take(roomId, legacy.say(0, 'bob', 'hangup'))
  assert.equal((await log(alice))[0]?.ended_ts, clock.now())
})

test('a device that stops ringing does not end the call that another one has taken', async () => {
  const { alice } = stage.people
  const roomId = await openRoom(stage, {})
  const say = (type: string, changes: JsonObject) => take(roomId, legacy.say(0, 'bob', type, changes))
  await take(roomId, legacy.invite(0, 'alice'))
  await say('answer', { party_id: 'TABLET' })
  await say('answer', { party_id: 'PHONE' })
  await take(roomId, legacy.say(0, 'alice', 'select_answer', { party_id: 'DEVICE', selected_party_id: 'PHONE' }))
  await say('hangup', { party_id: 'LAPTOP', reason: 'invite_timeout' })
  await say('hangup', { party_id: 'TABLET' })
  await say('reject', { party_id: 'LAPTOP' })
  await wait(60_000)
  assert.deepEqual([(await log(alice))[0]?.outcome, (await log(alice))[0]?.ended_ts], ['answered', null])
  await say('hangup', { party_id: 'PHONE', reason: 'user_hangup' })
  assert.equal((await log(alice))[0]?.ended_ts, clock.now())
})

test('a caller who is not in the room any more is asked for no note', async () => {
  for (const how of ['leave', 'kick'] as const) {
    await wait(180_000)
    settled.length = 0
    const { alice, bob } = stage.people
    const roomId = await openRoom(stage, {})
    await take(roomId, legacy.invite(0, 'bob'))
    await wait(10_000)
    if (how === 'leave') await act(bob, roomId, how)
    else await act(alice, roomId, how, { user_id: bob.userId })
    await wait(3_000)
    assert.deepEqual(
      settled.map(({ outcome, promptReason }) => [outcome, promptReason]),
      [['missed', undefined]],
      how,
    )
  }
})

test('whoever is put out of a group while they talk has left the call, which goes on for the others', async () => {
  const { alice, bob, carol } = stage.people
  const roomId = await openRoom(stage, { isGroup: true })
  await take(roomId, elementCall.join(0, 'alice'))
  await wait(1_000)
  await take(roomId, elementCall.join(0, 'bob'))
  await take(roomId, elementCall.join(0, 'carol'))
  await wait(30_000)
  for (const user of [alice, bob, carol]) assert.equal((await log(user))[0]?.outcome, 'answered')
  await act(alice, roomId, 'kick', { user_id: bob.userId })
  await wait(30_000)
  assert.equal((await log(bob))[0]?.ended_ts, null)
  const end = clock.now()
  await act(alice, roomId, 'kick', { user_id: carol.userId })
  await wait(30_000)
  assert.equal((await log(alice))[0]?.ended_ts, end)
})

testOnEngines(
  'whoever comes to a call of a group is told of it at once, and of what becomes of it',
  async (_t, { engine }) => {
    await using own = await createTestServer({ clock, engine })
    const on = await staged(own)
    const { bob, carol } = on.people
    const roomId = await openRoom(on, { isGroup: true })
    const sockets = [await openLive(own.url, bob), await openLive(own.url, carol)] as const
    await take(roomId, elementCall.join(0, 'alice'), on)
    await take(roomId, elementCall.join(0, 'bob'), on)
    await wait(30_000, on)
    await take(roomId, elementCall.join(0, 'carol'), on)
    await take(roomId, elementCall.join(0, 'carol', { expires: 28_800_000 }), on)
    await take(roomId, elementCall.leave(0, 'alice'), on)
    await take(roomId, elementCall.leave(0, 'bob'), on)
    await wait(30_000, on)
    const [his, hers] = sockets
    const end = clock.now() - 30_000
    const told = async ({ next }: typeof his, count: number) => {
      const frames = []
      while (frames.length < count) frames.push(await next())
      return frames.map(({ outcome, ended_ts: ts }) => [outcome, ts])
    }
    assert.deepEqual(await told(his, 3), [
      ['ringing', null],
      ['answered', null],
      ['answered', end],
    ])
    assert.deepEqual(await told(hers, 2), [
      ['answered', null],
      ['answered', end],
    ])
    for (const socket of sockets) await socket.close()
  },
)

test('an account that ends while somebody calls it is somebody who is gone', async () => {
  const dave = await server.user('dave')
  const roomId = await openRoom({ ...stage, people: { ...stage.people, bob: dave } }, {})
  await take(roomId, legacy.invite(0, 'alice'))
  await wait(5_000)
  await dave.post('/_matrix/client/v3/account/deactivate', {
    auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: dave.userId }, password },
  })
  await server.context.drain()
  await wait(120_000)
  assert.deepEqual(
    settled.map(({ outcome, promptReason }) => [outcome, promptReason]),
    [['unknown', undefined]],
  )
})

test('in whatever phase of a call the server goes down, the call ends as it would have', async (t) => {
  const dataDir = temporaryFolder(t)
  const old = await createTestServer({ clock, dataDir })
  const on = await staged(old)
  const { alice } = on.people
  const rooms: string[] = []
  const open = async () => {
    const roomId = await openRoom(on, {})
    rooms.push(roomId)
    return roomId
  }
  const talking = await open()
  const hungUp = await open()
  const declined = await open()
  const gone = await open()
  const comes = await open()
  const rings = await open()
  const start = clock.now()
  for (const roomId of [hungUp, declined]) await take(roomId, legacy.invite(0, 'alice'), on)
  for (const roomId of [gone, comes, rings]) {
    const ids = new Map<string, string>()
    for (const step of [elementCall.join(0, 'alice'), elementCall.ring(0, 'alice')]) {
      const eventId = await takeStep(on, {}, { roomId, step, ids })
      if (eventId !== undefined) ids.set(step.name ?? '', eventId)
    }
  }
  await take(talking, legacy.invite(0, 'alice'), on)
  await take(talking, legacy.say(0, 'bob', 'answer'), on)
  await wait(20_000, on)
  await take(hungUp, legacy.say(0, 'alice', 'hangup'), on)
  await take(declined, legacy.say(0, 'bob', 'reject'), on)
  await take(gone, elementCall.leave(0, 'alice'), on)
  await take(comes, elementCall.join(0, 'bob'), on)
  const known = await log(alice)
  assert.deepEqual(
    rooms.map((roomId) => known.find(({ room_id }) => room_id === roomId)?.outcome),
    ['answered', ...rooms.slice(1).map(() => 'ringing')],
  )
  await old.stop()
  clock.advance(3_600_000)
  await using again = await createTestServer({ clock, dataDir })
  await again.context.drain()
  const same = again.client.as(alice.accessToken)
  const list = async () => (await same.get<{ calls: JsonObject[] }>('/_ringback/v1/calls')).calls
  const ends = (all: readonly JsonObject[]) =>
    rooms.map((roomId) => {
      const call = all.find(({ room_id }) => room_id === roomId)
      return [call?.outcome, typeof call?.ended_ts === 'number' ? call.ended_ts - start : call?.ended_ts]
    })
  assert.deepEqual(ends(await list()), [
    ['answered', null],
    ['missed', 20_000],
    ['declined', 20_000],
    ['missed', 20_000],
    ['answered', null],
    ['missed', 45_000],
  ])
  await same.put(`/_matrix/client/v3/rooms/${talking}/send/m.call.hangup/t`, { call_id: '1700000000000abc' })
  assert.equal(ends(await list())[0]?.[1], clock.now() - start)
})
