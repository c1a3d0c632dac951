import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type CallBrowser, type ClientPage, startCallBrowser } from './browser/client-page.ts'
import { chromiumMissing } from './helpers/chromium.ts'
import { type LiveReader, openLive } from './helpers/live.ts'
import { livekitKey } from './helpers/livekit.ts'
import { type LivekitServerProcess, livekitServerMissing, startLivekitServer } from './helpers/livekit-server.ts'
import { freePort } from './helpers/program.ts'
import { allState, createRoom, join as joinRoom } from './helpers/rooms.ts'
import { createTestServer, type TestServer } from './helpers/server.ts'

const skip = chromiumMissing || livekitServerMissing

/** Two browsers with livekit-client and matrix-js-sdk, a real livekit-server, and this server between them. */
describe('calls through LiveKit', { skip, timeout: 120_000 }, () => {
  let server: TestServer
  let livekit: LivekitServerProcess
  let chromiums: CallBrowser[]
  let alice: ClientPage
  let bob: ClientPage
  let roomId: string
  let told: LiveReader

  before(async () => {
    const port = await freePort()
    const calls = { local_grace: '300ms', rejoin_window: '300ms', answer_min: 0 }
    const config = { voip: { calls, livekit: { url: `ws://127.0.0.1:${port}`, ...livekitKey } } }
    server = await createTestServer({ config })
    livekit = await startLivekitServer({ port, webhookUrl: `${server.url}/livekit/jwt/sfu_webhook` })
    const voice = join(server.dataDir, 'voice.wav')
    writeFileSync(voice, speech())
    chromiums = await Promise.all([startCallBrowser({ voice }), startCallBrowser({ voice })])
    const users = [await server.user('alice'), await server.user('bob')] as const
    roomId = await createRoom(users[0], { preset: 'trusted_private_chat', is_direct: true, invite: [users[1].userId] })
    await joinRoom(users[1], roomId)
    told = await openLive(server.url, users[0])
    const pages = await Promise.all(chromiums.map((one, i) => one.open(users[i]!)))
    alice = pages[0]!
    bob = pages[1]!
  })
  after(async () => {
    await told.close()
    for (const one of chromiums) await one[Symbol.asyncDispose]()
    await livekit[Symbol.asyncDispose]()
    await server.stop()
  })

  test('both see and hear each other', async (t) => {
    const names = [
      await alice.call('joinCall', roomId, { ring: true, form: 'sfu/get', delegate: false }),
      await bob.call('joinCall', roomId, { ring: false, form: 'get_token', delegate: true }),
    ]
    // Whichever way they ask, they come to the same room of LiveKit.
    assert.equal(names[0], `${alice.user.userId}:${alice.user.deviceId}`)
    assert.match(names[1] ?? '', /^[\w+/]{43}$/)
    const sizes = await Promise.all([alice, bob].map(({ call }) => call('seesVideo')))
    for (const [width = 0, height = 0] of sizes) assert.ok(width > 0 && height > 0, `${width}x${height}`)
    assert.equal(await alice.call('hearsSpeaker'), names[1])
    assert.equal(await bob.call('hearsSpeaker'), names[0])
    const both = [alice.user.userId, bob.user.userId]
    await Promise.all([alice, bob].map(({ call }) => call('sessionHolds', roomId, both)))
    const reaction = bob.call('reaction', roomId)
    const sentTs = await alice.call('react', roomId, '🎉')
    const { emoji, target, seenTs } = await reaction
    const state = await allState(bob.user, roomId)
    const member = state.find(({ type, sender }) => type.endsWith('call.member') && sender === alice.user.userId)
    assert.deepEqual([emoji, target], ['🎉', member?.event_id])
    t.diagnostic(`a reaction took ${seenTs - sentTs} ms from browser to browser`)
  })

  test('whose browser is killed leaves the call, by what LiveKit says, and the call ends', async () => {
    // Bob has entrusted his leave to the server, which waits for an hour unless LiveKit tells it that he is gone.
    await chromiums[1]?.kill()
    await alice.call('sessionHolds', roomId, [alice.user.userId])
    await alice.call('othersInCall', 0)
    const [member] = (await allState(alice.user, roomId)).filter(
      ({ type, sender }) => type === 'org.matrix.msc3401.call.member' && sender === bob.user.userId,
    )
    assert.deepEqual(member?.content, {})
    await alice.call('leaveCall', roomId)
    let frame: object
    do frame = await told.next()
    while (Reflect.get(frame, 'ended_ts') === null)
    const { calls } = await alice.user.get<{ calls: Record<string, unknown>[] }>('/_ringback/v1/calls')
    assert.equal(calls.length, 1)
    const { outcome, direction, peer, kind, ended_ts, started_ts } = calls[0] ?? {}
    assert.deepEqual([outcome, direction, peer, kind], ['answered', 'outgoing', bob.user.userId, 'video'])
    assert.ok(Number(ended_ts) > Number(started_ts))
    assert.deepEqual(alice.faults, [])
  })
})

/** A WAV of a tone with pauses: LiveKit tells of speakers when they begin and when they end. */
function speech(): Buffer {
  const rate = 48_000
  const samples = rate * 3
  const header = Buffer.alloc(44)
  header.write('RIFF', 0)
  header.writeUInt32LE(36 + samples * 2, 4)
  header.write('WAVEfmt ', 8)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(rate, 24)
  header.writeUInt32LE(rate * 2, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36)
  header.writeUInt32LE(samples * 2, 40)
  const sound = new Int16Array(samples)
  for (let i = 0; i < rate * 1.5; i++) sound[i] = 12_000 * Math.sin((i * 2 * Math.PI * 300) / rate)
  return Buffer.concat([header, Buffer.from(sound.buffer)])
}
