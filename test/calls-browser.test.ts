import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../src/util/clock.ts'
import { type CallBrowser, type ClientPage, startCallBrowser } from './browser/client-page.ts'
import { chromiumMissing } from './helpers/chromium.ts'
import { type LiveReader, openLive } from './helpers/live.ts'
import { createRoom, join } from './helpers/rooms.ts'
import { createTestServer, type TestServer } from './helpers/server.ts'

/** matrix-js-sdk in two browsers, with real WebRTC between them where the call is one of `m.call.*`. */
describe('calls of matrix-js-sdk in Chromium', { skip: chromiumMissing, timeout: 90_000 }, () => {
  let server: TestServer
  let chromium: CallBrowser
  let alice: ClientPage
  let bob: ClientPage
  let told: LiveReader[]
  /** How much later it is than the clock says, in ms. */
  let ahead = 0
  const clock = { ...systemClock, now: () => systemClock.now() + ahead }

  before(async () => {
    const calls = { local_grace: '300ms', rejoin_window: '300ms', close_slack: '500ms', answer_min: 0 }
    const livekit = { url: 'ws://127.0.0.1:1', api_key: 'ringback', api_secret: 'a secret of at least 32 characters' }
    const [started, browser] = await Promise.all([
      createTestServer({ clock, config: { voip: { calls, livekit } } }),
      startCallBrowser(),
    ])
    server = started
    chromium = browser
    const users = [await server.user('alice'), await server.user('bob')] as const
    told = await Promise.all(users.map((user) => openLive(server.url, user)))
    ;[alice, bob] = await Promise.all([chromium.open(users[0]), chromium.open(users[1])])
  })
  after(async () => {
    for (const reader of told) await reader.close()
    await chromium[Symbol.asyncDispose]()
    await server.stop()
  })

  async function directChat(): Promise<string> {
    const { userId } = bob.user
    const roomId = await createRoom(alice.user, { preset: 'trusted_private_chat', is_direct: true, invite: [userId] })
    await join(bob.user, roomId)
    await Promise.all([alice, bob].map(({ call }) => call('knows', roomId, 2)))
    return roomId
  }

  /** What both are told once the outcome is certain and the call has ended, and that their logs say the same. */
  async function outcomes(roomId: string, kind: string, expected: [caller: string, callee: string]): Promise<void> {
    for (const [i, { user }] of [alice, bob].entries()) {
      const direction = i === 0 ? 'outgoing' : 'incoming'
      let frame: object
      do frame = (await told[i]?.next()) ?? {}
      while (Reflect.get(frame, 'room_id') !== roomId || Reflect.get(frame, 'ended_ts') === null)
      const peer = [bob, alice][i]?.user.userId
      const { calls } = await user.get<{ calls: Record<string, unknown>[] }>('/_ringback/v1/calls')
      const mine = calls.filter(({ room_id }) => room_id === roomId)
      assert.equal(mine.length, 1, direction)
      const { call_id, started_ts, ended_ts, ...call } = mine[0] ?? {}
      assert.deepEqual(call, { room_id: roomId, peer, direction, kind, outcome: expected[i] })
      assert.equal(Reflect.get(frame, 'call_id'), call_id)
      assert.equal(Reflect.get(frame, 'outcome'), expected[i])
      assert.ok(Number(started_ts) <= Number(ended_ts))
    }
  }

  test('a video call is answered, carries sound and pictures both ways, and is hung up', async () => {
    const roomId = await directChat()
    await alice.call('place', roomId, 'video')
    assert.deepEqual(await bob.call('ring'), { caller: alice.user.userId, kind: 'video' })
    await bob.call('answer')
    await Promise.all([alice, bob].map(({ call }) => call('reached', 'connected')))
    await Promise.all([alice, bob].map(({ call }) => call('receives', 'video')))
    await alice.call('hangUp')
    await bob.call('reached', 'ended')
    await outcomes(roomId, 'video', ['answered', 'answered'])
  })

  test('a voice call is declined', async () => {
    const roomId = await directChat()
    await alice.call('place', roomId, 'voice')
    await bob.call('ring')
    await bob.call('reject')
    await alice.call('reached', 'ended')
    await outcomes(roomId, 'voice', ['declined', 'declined'])
  })

  test('a caller who gives up at once has cancelled the call, which the other one missed', async () => {
    const roomId = await directChat()
    await alice.call('place', roomId, 'voice')
    await bob.call('ring')
    await alice.call('hangUp')
    await bob.call('reached', 'ended')
    await outcomes(roomId, 'voice', ['cancelled', 'missed'])
  })

  test('a call that rings until the client of the caller gives up is missed', async () => {
    const roomId = await directChat()
    // The clocks of the server and of the caller are moved on; nobody waits for a minute.
    await alice.page.clock.install()
    await alice.call('place', roomId, 'voice')
    await bob.call('ring')
    ahead = 60_000
    await alice.page.clock.fastForward(61_000)
    assert.equal(await alice.call('reached', 'ended'), 'invite_timeout')
    await bob.call('reached', 'ended')
    await outcomes(roomId, 'voice', ['missed', 'missed'])
  })

  test('a MatrixRTC session that the other one joins is answered', async () => {
    const roomId = await directChat()
    const both = [alice.user.userId, bob.user.userId]
    await alice.call('joinSession', roomId, { ring: true, kind: 'video' })
    await bob.call('rung', roomId)
    await bob.call('joinSession', roomId, { ring: false, kind: 'video' })
    await Promise.all([alice, bob].map(({ call }) => call('sessionHolds', roomId, both)))
    await bob.call('leaveSession', roomId)
    await alice.call('leaveSession', roomId)
    await Promise.all([alice, bob].map(({ call }) => call('sessionHolds', roomId, [])))
    await outcomes(roomId, 'video', ['answered', 'answered'])
  })

  test('a MatrixRTC session that is declined', async () => {
    const roomId = await directChat()
    await alice.call('joinSession', roomId, { ring: true, kind: 'voice' })
    await bob.call('declineSession', roomId)
    await alice.call('declined', roomId)
    await alice.call('leaveSession', roomId)
    await outcomes(roomId, 'voice', ['declined', 'declined'])
  })

  test('a MatrixRTC session that nobody joins while it rings is missed', async () => {
    const roomId = await directChat()
    await alice.call('joinSession', roomId, { ring: true, kind: 'voice', lifetimeMs: 1000 })
    await bob.call('rung', roomId)
    await outcomes(roomId, 'voice', ['missed', 'missed'])
    await alice.call('leaveSession', roomId)
    assert.deepEqual([...alice.faults, ...bob.faults], [])
  })
})
