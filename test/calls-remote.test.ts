import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock, type TestClock } from '../src/util/clock.ts'
import type { Person, Scenario, Step } from '../src/voip/calls/scenarios/scenario.ts'
import { elementCall, legacy } from '../src/voip/calls/scenarios/shapes.ts'
import type { Call } from '../src/voip/calls/types.ts'
import { pass, type Stage, takeStep } from './helpers/calls.ts'
import { at } from './helpers/client.ts'
import { connectPeers, type FederatedServer } from './helpers/federation/servers.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { createRoom } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'

const options = { skip: withoutOpenssl }

let clock: TestClock
let servers: Awaited<ReturnType<typeof connectPeers>>
let here: FederatedServer
let there: FederatedServer
let alice: TestUser
let bob: TestUser
const settled = { here: [] as Call[], there: [] as Call[] }

before(async () => {
  if (withoutOpenssl) return
  clock = createTestClock(Date.now())
  servers = await connectPeers(2, { clock })
  ;[here, there] = servers as unknown as [FederatedServer, FederatedServer]
  here.context.calls.subscribe({ settled: async (_, call) => void settled.here.push(call) })
  there.context.calls.subscribe({ settled: async (_, call) => void settled.there.push(call) })
  alice = await here.user('alice')
  bob = await there.user('bob')
})
after(async () => {
  await servers?.[Symbol.asyncDispose]()
})

/** Both see all that has been said; then both move on, and do what is due. */
async function move(ms: number): Promise<void> {
  for (const { context } of [here, there, here, there]) await context.drain()
  const until = clock.now() + ms
  const stageOf = (server: FederatedServer) => ({ server, clock })
  await pass(stageOf(here), until)
  await pass(stageOf(there), until)
  for (const { context } of [here, there]) await context.drain()
}

async function play(scenario: Pick<Scenario, 'isEncrypted' | 'steps'>): Promise<string> {
  await move(180_000)
  settled.here.length = 0
  settled.there.length = 0
  const roomId = await createRoom(alice, { invite: [bob.userId] })
  await there.context.drain()
  const query = { via: [here.serverName] }
  await bob.request('POST', at`/_matrix/client/v3/join/${roomId}`, { query, body: {}, expect: 200 })
  await move(1)
  const start = clock.now()
  const ids = new Map<string, string>()
  for (const step of scenario.steps) {
    await move(start + step.at * 1000 - clock.now())
    const server = step.who === 'bob' ? there : here
    const stage: Stage = { server, clock, people: { alice, bob, carol: alice } }
    const eventId = await takeStep(stage, scenario, { roomId, step, ids })
    if (step.name !== undefined && eventId !== undefined) ids.set(step.name, eventId)
  }
  await move(60_000)
  return roomId
}

const log = async (user: TestUser) => (await user.get<{ calls: JsonObject[] }>('/_ringback/v1/calls')).calls[0]
const seenBy = (calls: readonly Call[]) => calls.map(({ outcome, promptReason }) => [outcome, promptReason])

const cases: [string, Step[], [string, string | undefined], { isEncrypted?: boolean; caller?: Person }][] = [
  [
    'a legacy call that rings out',
    [legacy.invite(0, 'alice'), legacy.say(60, 'alice', 'hangup', { reason: 'invite_timeout' })],
    ['missed', 'timeout'],
    {},
  ],
  [
    'a legacy call that is answered',
    [legacy.invite(0, 'alice'), legacy.say(9, 'bob', 'answer'), legacy.say(30, 'bob', 'hangup')],
    ['answered', undefined],
    {},
  ],
  [
    'a call that is declined in an encrypted room',
    [
      elementCall.join(0, 'alice'),
      elementCall.ring(1, 'alice'),
      elementCall.decline(6, 'bob'),
      elementCall.leave(7, 'alice'),
    ],
    ['declined', 'declined'],
    { isEncrypted: true },
  ],
  [
    'a call that is answered in an encrypted room',
    [
      elementCall.join(0, 'alice'),
      elementCall.ring(1, 'alice'),
      elementCall.join(9, 'bob'),
      elementCall.leave(30, 'bob'),
      elementCall.leave(31, 'alice'),
    ],
    ['answered', undefined],
    { isEncrypted: true },
  ],
  [
    'a call from the other server that nobody takes',
    [elementCall.join(0, 'bob'), elementCall.ring(1, 'bob'), elementCall.leave(31, 'bob')],
    ['missed', undefined],
    { caller: 'bob' },
  ],
]

for (const [name, steps, expected, { isEncrypted = false, caller = 'alice' }] of cases) {
  test(`${name} between two servers`, options, async () => {
    const roomId = await play({ steps, isEncrypted })
    assert.deepEqual(seenBy(settled.here), [expected])
    // Each server asks its own users only.
    const other = caller === 'bob' ? 'timeout' : undefined
    assert.deepEqual(seenBy(settled.there), [[expected[0], other]])
    const [mine, his] = [await log(alice), await log(bob)]
    assert.deepEqual([mine?.room_id, mine?.peer, mine?.outcome], [roomId, bob.userId, expected[0]])
    assert.deepEqual([his?.room_id, his?.peer, his?.outcome], [roomId, alice.userId, expected[0]])
    const directions = caller === 'alice' ? ['outgoing', 'incoming'] : ['incoming', 'outgoing']
    assert.deepEqual([mine?.direction, his?.direction], directions)
  })
}
