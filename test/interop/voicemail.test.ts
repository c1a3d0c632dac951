/** Notes after missed calls between Ringback and Synapse, in both directions. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../../src/matrix/event.ts'
import { createTestClock, type TestClock } from '../../src/util/clock.ts'
import { createNetwork, type Network } from '../helpers/federation/network.ts'
import { joinVia, type Side, untilIn, untilInvited, untilSeen } from '../helpers/federation/scenarios/side.ts'
import type { FederatedServer } from '../helpers/federation/servers.ts'
import { ffmpegMissing, makeRecording } from '../helpers/ffmpeg.ts'
import { createFollower, type Follower } from '../helpers/follower.ts'
import { download } from '../helpers/media.ts'
import { temporaryFolder } from '../helpers/program.ts'
import { createRoom, send } from '../helpers/rooms.ts'
import { callEvent, chatOf, editOf, notesOf, promptsOf, ring, tokenOf } from '../helpers/voicemail.ts'
import { type Synapse, startSynapse, withoutSynapse } from './synapse.ts'

const options = { skip: withoutSynapse || ffmpegMissing, timeout: 120_000 }
let synapse: Synapse
let network: Network
let server: FederatedServer
let clock: TestClock
/** On Ringback. */
let alice: Side
/** On Synapse. */
let bob: Side

before(async () => {
  if (options.skip) return
  synapse = await startSynapse()
  clock = createTestClock(Date.now())
  network = await createNetwork(1, { clock })
  const [only] = network.servers
  if (only === undefined) throw new Error('no server')
  server = only
  alice = { user: await server.user('alice'), serverName: server.serverName }
  bob = { user: await synapse.register('bob'), serverName: synapse.serverName }
})
after(async () => {
  await network?.[Symbol.asyncDispose]()
  await synapse?.stop()
})

/** A direct chat of two people, and what each sees of it. */
async function directChat(host: Side, guest: Side) {
  const body = { preset: 'trusted_private_chat', is_direct: true, invite: [guest.user.userId], room_version: '12' }
  const roomId = await createRoom(host.user, body)
  await untilInvited(guest, roomId)
  await joinVia(guest, roomId, host)
  await untilIn(host, roomId, guest.user.userId, 'join')
  return { roomId, hostView: await createFollower(host.user), guestView: await createFollower(guest.user) }
}

/** Somebody calls and rings in vain, as the other side sees. Synapse goes by the real time, so ours may not run far ahead. */
async function callInVain(caller: Side, roomId: string, calleeView: Follower): Promise<void> {
  const callId = await ring(caller.user, roomId)
  const isOf = (type: string) => (event: { type: string; content: JsonObject }) =>
    event.type === type && event.content.call_id === callId
  await untilSeen(calleeView, roomId, 'the call', isOf('m.call.invite'))
  await wait(10_000)
  await send(caller.user, roomId, callEvent(callId, { reason: 'invite_timeout' }), 'm.call.hangup')
  await untilSeen(calleeView, roomId, 'its end', isOf('m.call.hangup'))
  // A callee elsewhere has some time more to have answered.
  await wait(3_000)
  await wait(10_000)
}

async function wait(ms: number): Promise<void> {
  await server.context.drain()
  clock.advance(ms)
  await server.context.drain()
}

test(
  'whoever calls from Synapse is asked by nobody here, and what they record is a message like others',
  options,
  async () => {
    const { roomId, guestView } = await directChat(bob, alice)
    const before = { chat: await chatOf(alice.user), prompts: (await promptsOf(alice.user)).length }
    await callInVain(bob, roomId, guestView)
    const { calls } = await alice.user.get<{ calls: JsonObject[] }>('/_ringback/v1/calls')
    assert.deepEqual([calls[0]?.peer, calls[0]?.direction, calls[0]?.outcome], [bob.user.userId, 'incoming', 'missed'])
    assert.deepEqual({ chat: await chatOf(alice.user), prompts: (await promptsOf(alice.user)).length }, before)
    const said = await send(bob.user, roomId, {
      msgtype: 'm.audio',
      body: 'Voice message',
      url: `mxc://${synapse.serverName}/none`,
      'org.matrix.msc3245.voice': {},
    })
    await untilSeen(guestView, roomId, 'the voice message', ({ event_id: id }) => id === said)
    assert.deepEqual(
      (await notesOf(alice.user)).filter(({ direction }) => direction === 'incoming'),
      [],
    )
  },
)

test(
  'somebody on Synapse does not answer, and gets the note of the recorder as a voice message',
  options,
  async (t) => {
    const { roomId, guestView } = await directChat(alice, bob)
    await callInVain(alice, roomId, guestView)
    const prompt = (await promptsOf(alice.user)).at(-1)
    assert.ok(prompt)
    assert.match(prompt.body, /^📵 bob didn't answer/)
    const recording = readFileSync(makeRecording(temporaryFolder(t), 'sound.ogg'))
    const address = `${server.url}/_ringback/v1/recorder/${tokenOf(prompt)}?kind=voice&caption=About+tomorrow`
    const answer = await fetch(address, { method: 'POST', body: new Uint8Array(recording) })
    assert.equal(answer.status, 200)
    const receipt = (await answer.json()) as JsonObject

    const note = await untilSeen(guestView, roomId, 'the note', ({ event_id: id }) => id === receipt.event_id)
    const { content } = note
    assert.deepEqual([note.sender, note.type], [alice.user.userId, 'm.room.message'])
    assert.deepEqual([content.msgtype, content.body], ['m.audio', 'About tomorrow'])
    assert.deepEqual(content['org.matrix.msc3245.voice'], {})
    const { bytes, headers, status } = await download(bob.user, String(content.url))
    assert.deepEqual([status, headers.get('content-type')], [200, 'audio/ogg'])
    const own = await download(alice.user, String(content.url))
    assert.ok(
      Buffer.from(bytes).equals(Buffer.from(own.bytes)) && Buffer.from(bytes).subarray(0, 4).toString() === 'OggS',
    )
    assert.equal(Object(content.info).size, bytes.length)

    await server.context.drain()
    assert.match((await editOf(alice.user, prompt))?.body ?? '', /✅ Voice note sent \(0:02\)/)
    const [left] = await notesOf(alice.user)
    assert.deepEqual(
      [left?.event_id, left?.direction, left?.peer, left?.state],
      [note.event_id, 'outgoing', bob.user.userId, 'fetched'],
    )
    assert.ok(Number(left?.expires_ts) > clock.now(), 'their server has it, and its time has begun')
  },
)
