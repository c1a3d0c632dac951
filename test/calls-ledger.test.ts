import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock } from '../src/util/clock.ts'
import type { Step } from '../src/voip/calls/scenarios/scenario.ts'
import { elementCall, legacy } from '../src/voip/calls/scenarios/shapes.ts'
import type { Call } from '../src/voip/calls/types.ts'
import { startAppservice } from './helpers/appservice.ts'
import { openRoom, pass, type Stage, takeStep } from './helpers/calls.ts'
import { at } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { openLive } from './helpers/live.ts'
import { temporaryFolder } from './helpers/program.ts'
import { act, createRoom, setState } from './helpers/rooms.ts'
import { createTestServer, password, type TestServerOptions, type TestUser } from './helpers/server.ts'
import { startWebServer } from './helpers/web-server.ts'

const day = 86_400_000

async function setUp(options: TestServerOptions = {}) {
  const clock = createTestClock()
  const server = await createTestServer({ clock, ...options })
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const stage: Stage = { server, clock, people: { alice, bob, carol } }
  const settled: Call[] = []
  server.context.calls.subscribe({ settled: async (_, call) => void settled.push(call) })
  return { server, clock, stage, settled, alice, bob, carol, [Symbol.asyncDispose]: () => server.stop() }
}

let shared: Awaited<ReturnType<typeof setUp>> | undefined
after(() => shared?.server.stop())

/** One server for what needs none of its own, with no prompt in the last two minutes. */
async function fresh() {
  shared ??= await setUp()
  await wait(shared.stage, 180_000)
  shared.settled.length = 0
  return shared
}

const log = async (user: TestUser) => (await user.get<{ calls: JsonObject[] }>('/_ringback/v1/calls')).calls
const wait = (stage: Stage, ms: number) => pass(stage, stage.clock.now() + ms)

/** Alice calls by `m.call.*` and hangs up after a time. */
async function callInVain(
  stage: Stage,
  roomId: string,
  { callId = 'c', ringFor = 20_000, who = 'alice' as const } = {},
) {
  const ids = new Map<string, string>()
  const scenario = {}
  const take = (step: Step) => takeStep(stage, scenario, { roomId, step, ids })
  await take(legacy.invite(0, who, { call_id: callId }))
  await wait(stage, ringFor)
  await take(legacy.say(0, who, 'hangup', { call_id: callId }))
  await wait(stage, 3_000)
}

test('a call that rings while the server is away ends as it would have', async (t) => {
  const dataDir = temporaryFolder(t)
  const clock = createTestClock()
  const before = await createTestServer({ clock, dataDir })
  const [alice, bob, carol] = [await before.user('alice'), await before.user('bob'), await before.user('carol')]
  const stage: Stage = { server: before, clock, people: { alice, bob, carol } }
  const roomId = await openRoom(stage, {})
  await takeStep(stage, {}, { roomId, step: legacy.invite(0, 'alice'), ids: new Map() })
  await before.stop()
  clock.set(clock.now() + 3_600_000)
  await using server = await createTestServer({ clock, dataDir })
  await server.context.jobs.drain()
  const page = await server.client.as(alice.accessToken).get<{ calls: JsonObject[] }>('/_ringback/v1/calls')
  assert.deepEqual(
    page.calls.map(({ outcome }) => outcome),
    ['missed'],
  )
})

for (const engine of engines) {
  test(`logs are kept for a time, and go with their account where it is erased (${engine})`, {
    skip: skipEngine(engine),
  }, async () => {
    await using it = await setUp({ engine, config: { voip: { calls: { keep: '30d' } } } })
    const { server, stage, alice, bob } = it
    const roomId = await openRoom(stage, {})
    await callInVain(stage, roomId)
    const expire = async () => {
      await server.context.db.write('test', (tx) => server.context.jobs.enqueue(tx, 'calls.expire', {}))
      await server.context.jobs.drain()
    }
    await wait(stage, 20 * day)
    await callInVain(stage, roomId, { callId: 'second' })
    await wait(stage, 11 * day)
    assert.equal((await log(alice)).length, 2)
    await expire()
    assert.deepEqual([(await log(alice)).length, (await log(bob)).length], [1, 1])
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password }
    await alice.post('/_matrix/client/v3/account/deactivate', { erase: true, auth })
    const rows = (name: 'calls' | 'call_parties') =>
      server.context.db.read((reader) => reader.qb.selectFrom(name).selectAll().execute())
    assert.deepEqual(
      (await rows('call_parties')).map((row) => ('user_id' in row ? row.user_id : undefined)),
      [bob.userId],
    )
    await server.context.drain()
    await bob.post('/_matrix/client/v3/account/deactivate', {
      erase: true,
      auth: { ...auth, identifier: { ...auth.identifier, user: 'bob' } },
    })
    assert.deepEqual([await rows('calls'), await rows('call_parties')], [[], []])
  })
}

test('sockets and webhooks are told what the log says', async () => {
  const site = await startWebServer()
  const received: JsonObject[] = []
  const arrived = Promise.withResolvers<void>()
  site.pages.set('/hook', (request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      received.push(JSON.parse(body) as JsonObject)
      response.end()
      arrived.resolve()
    })
  })
  try {
    await using it = await setUp({
      config: { webhooks: [{ url: `${site.url}/hook`, secret: 'a secret that is long' }] },
    })
    const { stage, alice, bob } = it
    const roomId = await openRoom(stage, {})
    const [mine, his] = [await openLive(it.server.url, alice), await openLive(it.server.url, bob)]
    await callInVain(stage, roomId)
    await arrived.promise
    for (const [user, socket] of [
      [alice, mine],
      [bob, his],
    ] as const) {
      const [ringing, missed] = [await socket.next(), await socket.next()]
      assert.equal(ringing.outcome, 'ringing')
      const { pos: _, ...frame } = missed
      assert.deepEqual(frame, { type: 'call', ...(await log(user))[0] })
      await socket.close()
    }
    const [event, ...more] = received
    assert.deepEqual(more, [])
    const [call] = await log(alice)
    const { call_id, started_ts, ended_ts } = call as JsonObject
    assert.equal(event?.event, 'call.missed')
    assert.deepEqual(event?.data, {
      call_id,
      room_id: roomId,
      caller: alice.userId,
      callee: bob.userId,
      kind: 'voice',
      outcome: 'missed',
      started_ts,
      ended_ts,
    })
  } finally {
    await site.stop()
  }
})

test('members that are no people neither answer nor keep two from being two', async () => {
  const { stage, settled, alice, carol } = await fresh()
  const roomId = await openRoom(stage, { isGroup: true })
  await setState(alice, roomId, 'io.element.functional_members', { service_members: [carol.userId] })
  const ids = new Map<string, string>()
  const take = (step: Step) => takeStep(stage, {}, { roomId, step, ids })
  await take(elementCall.join(0, 'alice'))
  await take(elementCall.ring(0, 'alice'))
  await take(elementCall.join(0, 'carol'))
  await wait(stage, 30_000)
  await take(elementCall.leave(0, 'alice'))
  await wait(stage, 10_000)
  assert.deepEqual(
    settled.map(({ outcome, promptReason }) => [outcome, promptReason]),
    [['missed', 'timeout']],
  )
})

test('nobody is asked about people on the other side of a bridge, unless the bridge takes notes', async () => {
  for (const takesNotes of [false, true]) {
    const registration = {
      namespaces: { users: [{ regex: '@irc_.*', exclusive: true }], rooms: [], aliases: [] },
      'io.ringback.missed_call_notes': takesNotes,
    }
    await using service = await startAppservice({ registration })
    await using it = await setUp({ config: { appservices: { registration_files: [service.file] } } })
    const { server, stage, settled, alice } = it
    const bridge = server.client.as(service.asToken)
    const body = { type: 'm.login.application_service', username: 'irc_dave', inhibit_login: true }
    await bridge.post('/_matrix/client/v3/register', body)
    const ghost = '@irc_dave:localhost'
    const roomId = await createRoom(alice, { invite: [ghost] })
    await bridge.request('POST', at`/_matrix/client/v3/join/${roomId}`, {
      query: { user_id: ghost },
      body: {},
      expect: 200,
    })
    await callInVain(stage, roomId)
    assert.deepEqual(
      settled.map(({ outcome, promptReason }) => [outcome, promptReason]),
      [['missed', takesNotes ? 'cancelled' : undefined]],
    )
  }
})

test('events from long ago, wherever they come from, are no calls', async () => {
  const registration = { namespaces: { users: [{ regex: '@irc_.*', exclusive: true }], rooms: [], aliases: [] } }
  await using service = await startAppservice({ registration })
  await using it = await setUp({ config: { appservices: { registration_files: [service.file] } } })
  const { server, stage, clock, settled, alice } = it
  const bridge = server.client.as(service.asToken)
  await bridge.post('/_matrix/client/v3/register', {
    type: 'm.login.application_service',
    username: 'irc_dave',
    inhibit_login: true,
  })
  const ghost = '@irc_dave:localhost'
  const roomId = await createRoom(alice, { invite: [ghost] })
  await bridge.request('POST', at`/_matrix/client/v3/join/${roomId}`, {
    query: { user_id: ghost },
    body: {},
    expect: 200,
  })
  const { does } = legacy.invite(0, 'bob')
  assert.ok('sends' in does)
  const send = (ts: number) =>
    bridge.request('PUT', at`/_matrix/client/v3/rooms/${roomId}/send/m.call.invite/${`t${ts}`}`, {
      query: { user_id: ghost, ts },
      body: { ...does.content, call_id: `c${ts}` },
      expect: 200,
    })
  await send(clock.now() - 61_000)
  await send(clock.now() + 61_000)
  assert.deepEqual(await log(alice), [])
  await send(clock.now() - 59_000)
  assert.deepEqual(
    (await log(alice)).map(({ direction, outcome }) => [direction, outcome]),
    [['incoming', 'ringing']],
  )
  await wait(stage, 75_000)
  assert.deepEqual(
    settled.map(({ outcome, promptReason }) => [outcome, promptReason]),
    [['missed', undefined]],
  )
})

test('whoever leaves the room has left the call, and nobody is asked about who is gone', async () => {
  const { stage, settled, alice, bob } = await fresh()
  const take = (roomId: string, step: Step) => takeStep(stage, {}, { roomId, step, ids: new Map() })
  const first = await openRoom(stage, {})
  await take(first, legacy.invite(0, 'alice'))
  await wait(stage, 10_000)
  await act(bob, first, 'leave')
  assert.deepEqual(
    settled.map(({ outcome, promptReason }) => [outcome, promptReason]),
    [['unknown', undefined]],
  )
  const second = await openRoom(stage, {})
  await take(second, legacy.invite(0, 'alice'))
  await wait(stage, 10_000)
  await act(alice, second, 'leave')
  await wait(stage, 3_000)
  assert.equal(settled[1]?.outcome, 'missed')
})

test('a flood of calls is not kept without end', async () => {
  const { stage, alice } = await fresh()
  const roomId = await openRoom(stage, {})
  for (let i = 0; i < 25; i += 1) {
    await takeStep(stage, {}, { roomId, step: legacy.invite(0, 'alice', { call_id: `c${i}` }), ids: new Map() })
    await takeStep(stage, {}, { roomId, step: legacy.say(0, 'alice', 'hangup', { call_id: `c${i}` }), ids: new Map() })
  }
  const { calls } = await alice.get<{ calls: JsonObject[] }>('/_ringback/v1/calls', { limit: 100 })
  assert.equal(calls.filter((call) => call.room_id === roomId).length, 20)
  await wait(stage, 120_000)
  await callInVain(stage, roomId, { callId: 'later' })
  assert.equal((await log(alice))[0]?.outcome, 'missed')
})

test('odd contents of call events are taken as messages, and hurt nothing', async () => {
  const { stage, alice, bob } = await fresh()
  const roomId = await openRoom(stage, {})
  const types = ['m.call.invite', 'm.call.answer', 'm.call.hangup', 'org.matrix.msc4075.rtc.notification']
  const odd: JsonObject[] = [
    {},
    { call_id: 1 },
    { call_id: '' },
    { call_id: 'x'.repeat(300), lifetime: 'x' },
    { call_id: 'c', lifetime: -1, offer: 'x', invitee: 5 },
    { notification_type: 'ring', lifetime: {}, 'm.relates_to': [] },
    { 'm.relates_to': { rel_type: 'm.reference' } },
    { call_id: 'c', party_id: 5, selected_party_id: [], 'm.relates_to': { rel_type: 'm.replace', event_id: 7 } },
  ]
  for (const content of odd) {
    for (const sends of [...types, 'org.matrix.msc4310.rtc.decline', 'm.rtc.member', 'm.room.encrypted']) {
      await takeStep(stage, {}, { roomId, step: { at: 0, who: 'bob', does: { sends, content } }, ids: new Map() })
    }
  }
  for (const [key, content] of [
    ['', { application: 'm.call' }],
    [`_${bob.userId}_X_m.call`, { application: 5 }],
    [`_${alice.userId}_X_m.call`, { application: 'm.call' }],
    ['x', { application: 'm.call', expires: 'x', device_id: 7, membershipID: {} }],
    [bob.userId, { memberships: 'x' }],
    [bob.userId, { memberships: [null, 1, [], {}, { application: 'm.call', created_ts: 'x', expires: -1 }] }],
    [bob.userId, { memberships: [{ application: 'm.call', created_ts: -1, membershipID: 5, device_id: {} }] }],
  ] as const) {
    await setState(bob, roomId, 'org.matrix.msc3401.call.member', content as JsonObject, key)
  }
  await wait(stage, 200_000)
  for (const call of await log(alice)) assert.notEqual(call.outcome, 'ringing')
})

test('whoever ignores the caller does not hear of the call, which the caller cannot tell', async () => {
  const { stage, settled, alice, bob } = await fresh()
  const ignored = at`/_matrix/client/v3/user/${bob.userId}/account_data/m.ignored_user_list`
  await bob.put(ignored, { ignored_users: { [alice.userId]: {} } })
  const roomId = await openRoom(stage, {})
  await callInVain(stage, roomId)
  assert.deepEqual(
    settled.map(({ outcome, promptReason }) => [outcome, promptReason]),
    [['missed', 'cancelled']],
  )
  assert.equal((await log(alice))[0]?.room_id, roomId)
  assert.ok((await log(bob)).every((call) => call.room_id !== roomId))
  await bob.put(ignored, { ignored_users: {} })
})

test('what the server of a call tells late begins no call, and its clock may be wrong', async () => {
  const { server, stage, clock, settled, alice, bob } = await fresh()
  const roomId = await openRoom(stage, {})
  const note = (user: TestUser, what: 'joined' | 'left', ts: number) =>
    server.context.db.write('test', (tx) =>
      server.context.calls.noteParticipant(tx, { roomId, userId: user.userId, deviceId: 'DEV', what, ts }),
    )
  await note(bob, 'joined', clock.now() - 61_000)
  assert.ok((await log(alice)).every((call) => call.room_id !== roomId))
  await note(alice, 'joined', clock.now() - 30_000)
  await note(bob, 'joined', clock.now() + 30_000)
  await wait(stage, 5_000)
  await note(bob, 'left', clock.now() - 30_000)
  await note(alice, 'left', clock.now() - 30_000)
  await wait(stage, 10_000)
  assert.deepEqual(
    settled.map(({ outcome }) => outcome),
    ['answered'],
  )
  assert.equal((await log(alice))[0]?.ended_ts, clock.now() - 10_000)
})
