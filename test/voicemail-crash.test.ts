/** The program itself is killed while a note is on its way: it is sent, and once. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import type { JsonObject, Pdu } from '../src/matrix/event.ts'
import { eventIdOf } from '../src/matrix/event-hash.ts'
import type { RoomId } from '../src/matrix/ids.ts'
import { type Engine, testOnEngines } from './helpers/engines.ts'
import { startFederatedProcess } from './helpers/federation/federated-process.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { joinThrough } from './helpers/federation/peer-joining.ts'
import { makePolicyServer } from './helpers/federation/policy-server.ts'
import { requireRules } from './helpers/federation/room-builder.ts'
import { untilSync } from './helpers/federation/scenarios/side.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { ffmpegMissing, makeRecording } from './helpers/ffmpeg.ts'
import { download } from './helpers/media.ts'
import { temporaryFolder } from './helpers/program.ts'
import { createRoom, send, setState, timeline } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'
import type { ServerProcess } from './helpers/server-process.ts'
import { callEvent, ring } from './helpers/voicemail.ts'

const skip = withoutOpenssl || ffmpegMissing
const rules = requireRules('12')
const env = { RINGBACK__VOIP__CALLS__REMOTE_GRACE: '10ms', RINGBACK__VOIP__CALLS__CANCEL_AFTER: '1ms' }

const isNote = ({ content }: Pick<Pdu, 'content'>) => content['org.matrix.msc3245.voice'] !== undefined

/** Somebody here has called in vain somebody elsewhere, whose server says of each event whether it may be sent. */
async function callInVain(t: TestContext, peer: Peer, database: { engine: Engine; url: string }) {
  const policy = makePolicyServer(peer, rules)
  const storage = { env, ...(database.engine === 'postgres' && { databaseUrl: database.url }) }
  const server = await startFederatedProcess(t, storage)
  const restart = () =>
    startFederatedProcess(t, { ...storage, dataDir: server.dataDir, federationPort: server.federationPort })
  const alice = await server.register('alice')
  const bob = peer.user('bob')
  const body = { preset: 'trusted_private_chat', is_direct: true, invite: [bob] }
  const roomId = (await createRoom(alice, body)) as RoomId
  await joinThrough(peer, server.serverName, roomId, bob)
  await setState(alice, roomId, 'm.room.policy', policy.content)
  const callId = await ring(alice, roomId)
  await send(alice, roomId, callEvent(callId, { reason: 'invite_timeout' }), 'm.call.hangup')
  const token = await untilSync({ user: alice, serverName: server.serverName }, 'the prompt', ({ rooms }) => {
    const events = Object.values(rooms?.join ?? {}).flatMap((room) => room.timeline?.events ?? [])
    const prompt = events.find(({ content }) => content['io.ringback.prompt'] !== undefined)
    return /\/voicemail\/r\/([\w-]+)/.exec(String(prompt?.content.body))?.[1]
  })
  return { server, restart, policy, alice, roomId, token }
}

function post(url: string, token: string, recording: Buffer): Promise<Response> {
  const body = new Uint8Array(recording)
  return fetch(`${url}/_ringback/v1/recorder/${token}?kind=voice`, { method: 'POST', body })
}

/** The same session after a restart, on another port. */
function resume({ userId, deviceId, accessToken }: TestUser, { client }: ServerProcess): TestUser {
  return { ...client.as(accessToken), userId, deviceId, accessToken }
}

/** What both servers have of the note. */
async function assertSentOnce(peer: Peer, alice: TestUser, roomId: RoomId, first: Pdu): Promise<void> {
  const [note, ...others] = (await timeline(alice, roomId)).filter(isNote)
  assert.ok(note)
  assert.deepEqual(others, [])
  assert.equal(note.event_id, eventIdOf(first, rules))
  const { bytes, status } = await download(alice, String(note.content.url))
  assert.deepEqual([status, Buffer.from(bytes).subarray(0, 4).toString()], [200, 'OggS'])
  const { notes } = await alice.get<{ notes: JsonObject[] }>('/_ringback/v1/notes')
  assert.deepEqual(
    notes.map(({ event_id: id }) => id),
    [note.event_id],
  )
  // What comes after it comes behind all that was still to be sent.
  await send(alice, roomId, 'that is all')
  await peer.waitForPdu(({ content }) => content.body === 'that is all')
  assert.deepEqual(
    peer.pdus.filter(isNote).map((pdu) => eventIdOf(pdu, rules)),
    [note.event_id],
  )
  assert.deepEqual(peer.faults, [])
}

testOnEngines(
  'a process that is killed between the upload and the sending sends the note once',
  async (t, database) => {
    await using peer = await createPeer()
    const { server, restart, policy, alice, roomId, token } = await callInVain(t, peer, database)
    const recording = readFileSync(makeRecording(temporaryFolder(t), 'sound.ogg'))
    const isReady = Promise.withResolvers<void>()
    // The recording is uploaded and the note kept; the message itself waits for a signature that never comes.
    policy.answerWith = (pdu) => {
      if (!isNote(pdu)) return undefined
      isReady.resolve()
      return new Promise(() => undefined)
    }
    const answer = assert.rejects(post(server.url, token, recording))
    await isReady.promise
    await server.kill()
    await answer
    policy.answerWith = () => undefined
    const again = await restart()
    const note = await peer.waitForPdu(isNote)
    assert.equal((await post(again.url, token, recording)).status, 403, 'the link is used')
    await assertSentOnce(peer, resume(alice, again), roomId, note)
  },
  { skip },
)

testOnEngines(
  'a process that is killed while the other server takes the note sends no second one',
  async (t, database) => {
    await using peer = await createPeer()
    const { server, restart, alice, roomId, token } = await callInVain(t, peer, database)
    const recording = readFileSync(makeRecording(temporaryFolder(t), 'sound.ogg'))
    const taken = Promise.withResolvers<Pdu>()
    const honestly = peer.on('PUT', '/_matrix/federation/v1/send/:txnId', async (request) => {
      const note = (Object(request.body).pdus as Pdu[]).find(isNote)
      if (note === undefined) return peer.honestly(request)
      taken.resolve(note)
      return undefined
    })
    const answer = post(server.url, token, recording).catch(() => undefined)
    const note = await taken.promise
    await server.kill()
    await answer
    honestly()
    const again = await restart()
    await peer.waitForPdu(isNote)
    assert.equal((await post(again.url, token, recording)).status, 403, 'the link is used')
    await assertSentOnce(peer, resume(alice, again), roomId, note)
  },
  { skip },
)
