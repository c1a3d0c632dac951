/** Calls and voice messages in a conversation that is really encrypted, by matrix-js-sdk with its Rust crypto. */
import assert from 'node:assert/strict'
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { MatrixEvent } from 'matrix-js-sdk'
import { MatrixRTCSessionEvent } from 'matrix-js-sdk/lib/matrixrtc/index.js'
import { createTestClock } from '../../src/util/clock.ts'
import { createChat, createSdkClient, type Person, startSync, until } from '../helpers/js-sdk.ts'
import { download, upload } from '../helpers/media.ts'
import { allState, timeline } from '../helpers/rooms.ts'
import type { TestUser } from '../helpers/server.ts'
import {
  bot,
  type Calling,
  callEvent,
  chatOf,
  createCallingServer,
  editOf,
  notesOf,
  promptsOf,
  setSettings,
} from '../helpers/voicemail.ts'

const memberType = 'org.matrix.msc3401.call.member'
const ringType = 'org.matrix.msc4075.rtc.notification'

async function enter(user: TestUser, t: { after(fn: () => void): void }): Promise<Person> {
  const client = await createSdkClient(user)
  await startSync(client)
  t.after(() => client.stopClient())
  return { user, client }
}

function sessionOf({ client }: Person, roomId: string) {
  const room = client.getRoom(roomId)
  assert.ok(room)
  return client.matrixRTC.getRoomSession(room)
}

/** Somebody joins the call of a room, as Element Call does it; with `ring` as the one who calls. */
async function joinCall({ user, client }: Person, roomId: string, ring: boolean): Promise<void> {
  const { userId, deviceId } = user
  const session = sessionOf({ user, client }, roomId)
  const transport = { type: 'livekit', livekit_service_url: `${user.baseUrl}/livekit/jwt`, livekit_alias: roomId }
  const failed = new Promise<never>((_resolve, reject) =>
    session.once(MatrixRTCSessionEvent.MembershipManagerError, reject),
  )
  session.joinRTCSession({ userId, deviceId, memberId: `${userId}:${deviceId}` }, [transport], undefined, {
    callIntent: 'audio',
    // The server's clock runs ahead of the client's, which would be late to put its leave off.
    delayedLeaveEventDelayMs: 600_000,
    ...(ring && { notificationType: 'ring', notificationLifetimeMs: 30_000 }),
  })
  const isIn = () => session.memberships.some((member) => member.userId === userId) || undefined
  await Promise.race([failed, until(client, 'its own membership', isIn)])
}

/** The ring of a call, which only somebody with the keys sees. */
function untilRung({ client }: Person, roomId: string, known: readonly string[]): Promise<MatrixEvent> {
  return until(client, 'the ring', () =>
    client
      .getRoom(roomId)
      ?.getLiveTimeline()
      .getEvents()
      .find((event) => event.getType() === ringType && !known.includes(event.getId() ?? '')),
  )
}

const rings: string[] = []

/** Alice calls and leaves, and in between Bob does something. Returns the prompts that come of it. */
async function call(
  server: Calling,
  alice: Person,
  bob: Person,
  roomId: string,
  meanwhile: (ring: MatrixEvent) => Promise<void>,
) {
  await server.wait(180_000)
  const before = (await promptsOf(alice.user)).length
  await joinCall(alice, roomId, true)
  const ring = await untilRung(bob, roomId, rings)
  rings.push(ring.getId() ?? '')
  await server.wait(8_000)
  await meanwhile(ring)
  await sessionOf(alice, roomId).leaveRoomSession(5_000)
  await server.wait(20_000)
  await server.wait(20_000)
  return (await promptsOf(alice.user)).slice(before)
}

/** A voice message as clients send it where the conversation is encrypted; the recording need not be one. */
async function sendVoice({ user, client }: Person, roomId: string): Promise<{ mxc: string; eventId: string }> {
  const [key, iv] = [randomBytes(32), Buffer.concat([randomBytes(8), Buffer.alloc(8)])]
  const cipher = createCipheriv('aes-256-ctr', key, iv)
  const bytes = Buffer.concat([cipher.update('a recording'), cipher.final()])
  const url = await upload(user, bytes, { type: 'application/octet-stream' })
  const base64 = (data: Buffer) => data.toString('base64').replaceAll('=', '')
  const k = key.toString('base64url')
  const file = {
    v: 'v2',
    url,
    key: { kty: 'oct', alg: 'A256CTR', ext: true, k, key_ops: ['encrypt', 'decrypt'] },
    iv: base64(iv),
    hashes: { sha256: base64(createHash('sha256').update(bytes).digest()) },
  }
  const content = {
    msgtype: 'm.audio',
    body: 'Voice message',
    file,
    info: { duration: 2000 },
    'org.matrix.msc3245.voice': {},
  }
  const { event_id: eventId } = await client.sendMessage(roomId, content as never)
  return { mxc: url, eventId }
}

test('calls in an encrypted conversation: the caller is led back there, and nothing goes there in clear', {
  timeout: 120_000,
}, async (t) => {
  const server = await createCallingServer({ clock: createTestClock(Date.now()) })
  t.after(() => server.stop())
  const alice = await enter(await server.user('alice'), t)
  const bob = await enter(await server.user('bob'), t)
  const roomId = await createChat(alice, bob)

  const [missed, ...others] = await call(server, alice, bob, roomId, () => server.wait(30_000))
  assert.ok(missed)
  assert.deepEqual(others, [])
  assert.match(missed.body, /^📵 bob didn't answer/)
  const address = `https://matrix.to/#/${encodeURIComponent(roomId)}?via=localhost`
  assert.ok(
    missed.body.includes(`so that it stays encrypted: ${address}`) && missed.html.includes(`<a href="${address}">`),
  )
  assert.deepEqual([missed.about.kind, missed.about.encrypted, missed.about.links], ['voice', true, undefined])

  // One of the two does not suffice.
  await setSettings(alice.user, { unencrypted_delivery: true })
  const [declined] = await call(server, alice, bob, roomId, async (ring) => {
    await bob.client.sendRtcDecline(roomId, ring.getId() ?? '')
    await server.context.drain()
  })
  assert.match(declined?.body ?? '', /^📵 bob can't take the call/)
  assert.ok(!declined?.body.includes('/voicemail/r/'))

  const answered = await call(server, alice, bob, roomId, async () => {
    await joinCall(bob, roomId, false)
    await server.wait(10_000)
    await sessionOf(bob, roomId).leaveRoomSession(5_000)
  })
  assert.deepEqual(answered, [])
  const { calls } = await bob.user.get<{ calls: { outcome: string; direction: string }[] }>('/_ringback/v1/calls')
  assert.deepEqual(
    calls.map(({ outcome, direction }) => [outcome, direction]),
    ['answered', 'declined', 'missed'].map((outcome) => [outcome, 'incoming']),
  )

  const events = await timeline(bob.user, roomId)
  const inClear = new Set(
    events.map(({ type }) => type).filter((type) => !type.startsWith('m.room.') && type !== memberType),
  )
  assert.deepEqual([...inClear], [])
  assert.ok(events.every(({ type, sender }) => type !== 'm.room.message' && sender !== bot))
  assert.ok((await allState(bob.user, roomId)).every(({ state_key: key }) => key !== bot))
  assert.equal(await chatOf(bob.user), undefined)
})

test('what the caller records in the encrypted conversation is a message like others', {
  timeout: 120_000,
}, async (t) => {
  const server = await createCallingServer({ clock: createTestClock(Date.now()) })
  t.after(() => server.stop())
  const alice = await enter(await server.user('alice'), t)
  const bob = await enter(await server.user('bob'), t)
  const roomId = await createChat(alice, bob)
  const [prompt] = await call(server, alice, bob, roomId, () => server.wait(30_000))
  assert.ok(prompt)
  const { mxc, eventId } = await sendVoice(alice, roomId)
  const heard = await until(bob.client, 'the voice message', () => {
    const event = bob.client.getRoom(roomId)?.findEventById(eventId)
    return event?.getType() === 'm.room.message' ? event : undefined
  })
  assert.equal(heard.getContent().file.url, mxc)
  assert.equal((await download(bob.user, mxc)).status, 200)
  await server.wait(1_000)
  for (const { user } of [alice, bob]) assert.deepEqual(await notesOf(user), [])
  assert.equal(await editOf(alice.user, prompt), undefined, 'nobody but the two knows that it was a note')
  await server.wait(600_000)
  assert.match((await editOf(alice.user, prompt))?.body ?? '', /The time to leave a note is over/)
  await server.wait(40 * 86_400_000)
  assert.equal((await download(bob.user, mxc)).status, 200, 'it is kept like other messages')
})

test('a call by the old signalling cannot be seen there, and nobody is asked', { timeout: 120_000 }, async (t) => {
  const server = await createCallingServer({ clock: createTestClock(Date.now()) })
  t.after(() => server.stop())
  const alice = await enter(await server.user('alice'), t)
  const bob = await enter(await server.user('bob'), t)
  const roomId = await createChat(alice, bob)
  const offer = { type: 'offer', sdp: 'v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n' }
  const invite = callEvent('old', { lifetime: 60_000, offer })
  await alice.client.sendEvent(roomId, 'm.call.invite' as never, invite as never)
  await until(bob.client, 'the call', () => {
    const events = bob.client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? []
    return events.some((event) => event.getType() === 'm.call.invite') || undefined
  })
  await server.wait(60_000)
  await alice.client.sendEvent(
    roomId,
    'm.call.hangup' as never,
    callEvent('old', { reason: 'invite_timeout' }) as never,
  )
  await server.wait(60_000)
  const { calls } = await alice.user.get<{ calls: unknown[] }>('/_ringback/v1/calls')
  assert.deepEqual([calls, await promptsOf(alice.user)], [[], []])
})
