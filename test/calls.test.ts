import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock, type TestClock } from '../src/util/clock.ts'
import { callScenarios } from '../src/voip/calls/scenarios/all.ts'
import { legacy, video } from '../src/voip/calls/scenarios/shapes.ts'
import type { Call } from '../src/voip/calls/types.ts'
import { openRoom, pass, playScenario, type Stage } from './helpers/calls.ts'
import { createRoom, join, send } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

let clock: TestClock
let server: TestServer
let stage: Stage
let alice: TestUser
let bob: TestUser
let carol: TestUser
const settled: { call: Call; at: number }[] = []

before(async () => {
  clock = createTestClock()
  server = await createTestServer({ clock })
  server.context.calls.subscribe({ settled: async (_, call) => void settled.push({ call, at: clock.now() }) })
  alice = await server.user('alice')
  bob = await server.user('bob')
  carol = await server.user('carol')
  stage = { server, clock, people: { alice, bob, carol } }
})
after(() => server.stop())

const list = (user: TestUser, query: Record<string, string | number> = {}) =>
  user.get<{ calls: JsonObject[]; next?: string }>('/_ringback/v1/calls', query)
const log = async (user: TestUser) => (await list(user)).calls

const wait = (ms: number) => pass(stage, clock.now() + ms)

/** The others need a server elsewhere, or the clock of one. */
const playable = callScenarios.filter(
  ({ name, isRemote, isEncrypted, steps }) =>
    !isRemote &&
    steps.every(({ late }) => late === undefined) &&
    // Of that name no state is open to all in new rooms.
    steps.every(({ does }) => !('sets' in does) || does.sets !== 'm.call.member') &&
    (!isEncrypted || /^answered|^declined|^nobody answers|^in |^FluffyChat|^reactions|^sticky/.test(name)),
)

test('calls as clients make them end as the table says', async (t) => {
  for (const scenario of playable) {
    await t.test(scenario.name, async () => {
      const start = clock.now() + 180_000
      const roomId = await playScenario(stage, scenario, settled)
      const seen = settled.map(({ call, at }, index) => [
        call.caller,
        call.outcome,
        call.promptReason,
        scenario.expect[index]?.at === undefined ? undefined : (at - start) / 1000,
      ])
      assert.deepEqual(
        seen,
        scenario.expect.map(({ outcome, prompt, at, caller = 'alice' }) => {
          return [stage.people[caller].userId, outcome, prompt, at]
        }),
      )
      const mine = (await log(alice)).filter((call) => call.room_id === roomId)
      assert.deepEqual(
        mine.map(({ outcome }) => outcome).reverse(),
        scenario.expect.map(({ outcome, caller = 'alice' }) => {
          return caller !== 'alice' && ['missed', 'busy', 'cancelled'].includes(outcome) ? 'missed' : outcome
        }),
      )
    })
  }
})

const invite = (user: TestUser, roomId: string, changes: JsonObject = {}) => {
  const { does } = legacy.invite(0, 'alice', changes)
  return 'sends' in does ? send(user, roomId, does.content, does.sends) : undefined
}
const say = (user: TestUser, roomId: string, type: string, changes: JsonObject = {}) => {
  const { does } = legacy.say(0, 'alice', type, changes)
  return 'sends' in does ? send(user, roomId, does.content, does.sends) : undefined
}

test('both see the call in their logs, each from their side', async () => {
  await wait(180_000)
  const roomId = await openRoom(stage, {})
  const start = clock.now()
  await invite(alice, roomId, video)
  const [ringing] = await log(alice)
  const call = { call_id: ringing?.call_id, room_id: roomId, kind: 'video', started_ts: start }
  const mine = { ...call, peer: bob.userId, direction: 'outgoing' }
  const his = { ...call, peer: alice.userId, direction: 'incoming' }
  assert.match(String(ringing?.call_id), /^[A-Za-z0-9_-]{16}$/)
  assert.deepEqual(ringing, { ...mine, outcome: 'ringing', ended_ts: null })
  assert.deepEqual((await log(bob))[0], { ...his, outcome: 'ringing', ended_ts: null })
  await wait(2_000)
  await say(alice, roomId, 'hangup')
  await wait(3_000)
  assert.deepEqual((await log(alice))[0], { ...mine, outcome: 'cancelled', ended_ts: start + 2_000 })
  assert.deepEqual((await log(bob))[0], { ...his, outcome: 'missed', ended_ts: start + 2_000 })
  assert.equal(
    (await log(carol)).some(({ room_id }) => room_id === roomId),
    false,
  )
})

test('a call that was answered has an end when somebody hangs up', async () => {
  const roomId = await openRoom(stage, {})
  await invite(bob, roomId)
  await say(alice, roomId, 'answer')
  const [talking] = await log(bob)
  assert.deepEqual([talking?.outcome, talking?.ended_ts, talking?.kind], ['answered', null, 'voice'])
  await wait(90_000)
  await say(alice, roomId, 'hangup')
  assert.equal((await log(bob))[0]?.ended_ts, clock.now())
})

test('somebody who is in another call is busy', async () => {
  const talk = await openRoom(stage, {})
  await invite(alice, talk)
  await say(bob, talk, 'answer')
  const other = await createRoom(carol, { invite: [bob.userId] })
  await join(bob, other)
  await invite(carol, other)
  await wait(10_000)
  await say(carol, other, 'hangup')
  await wait(3_000)
  assert.deepEqual([(await log(carol))[0]?.outcome, (await log(bob))[0]?.outcome], ['busy', 'missed'])
  await say(bob, talk, 'hangup')
  await wait(120_000)
  await invite(carol, other, { call_id: 'again' })
  await wait(10_000)
  await say(carol, other, 'hangup', { call_id: 'again' })
  await wait(3_000)
  assert.equal((await log(carol))[0]?.outcome, 'missed')
})

test('the log comes in pages that stay as they are while calls go on', async () => {
  const { calls: before, next } = await list(alice, { limit: 3 })
  assert.equal(before.length, 3)
  const roomId = await openRoom(stage, {})
  await invite(alice, roomId)
  const second = await list(alice, { limit: 3, from: next ?? '' })
  const whole = await list(alice, { limit: 7 })
  assert.deepEqual([...before, ...second.calls], whole.calls.slice(1))
  const seen: unknown[] = []
  for (let from = ''; ; ) {
    const page = await list(alice, { limit: 100, from })
    seen.push(...page.calls.map((call) => call.call_id))
    if (page.next === undefined) break
    from = page.next
  }
  assert.equal(new Set(seen).size, seen.length)
  for (const from of ['x', 'c', '-1', 'c1e3', `c${'9'.repeat(30)}`, 's1_1']) {
    const { body } = await alice.request('GET', '/_ringback/v1/calls', { query: { from }, expect: 400 })
    assert.equal(body.errcode, 'M_INVALID_PARAM', from)
  }
  for (const limit of ['0', '-1', 'x', '1.5']) {
    await alice.request('GET', '/_ringback/v1/calls', { query: { limit }, expect: 400 })
  }
  assert.ok((await list(alice, { limit: 100_000 })).calls.length <= 100)
  assert.equal(
    (await server.client.request('GET', '/_ringback/v1/calls', { expect: 401 })).body.errcode,
    'M_MISSING_TOKEN',
  )
})
