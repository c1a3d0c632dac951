import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { at } from './helpers/client.ts'
import { fetchWhole } from './helpers/deliveries.ts'
import { ffmpegMissing, makeRecording } from './helpers/ffmpeg.ts'
import { openLive } from './helpers/live.ts'
import { mediaFiles, upload } from './helpers/media.ts'
import { temporaryFolder } from './helpers/program.ts'
import { act, getEvent, join, type SeenEvent, send, setState, timeline } from './helpers/rooms.ts'
import { password, type TestUser } from './helpers/server.ts'
import { sync } from './helpers/sync.ts'
import {
  answersIn,
  bot,
  type Calling,
  callInVain,
  chatOf,
  createCallingServer,
  directChat,
  editOf,
  notesOf,
  promptsOf,
  roomDataOf,
  setSettings,
  tokenOf,
} from './helpers/voicemail.ts'

const skip = ffmpegMissing
const folder = temporaryFolder({ after })
let server: Calling
let recording: Buffer

before(async () => {
  server = await createCallingServer()
  if (!skip) recording = readFileSync(makeRecording(folder, 'sound.ogg'))
})
after(() => server.stop())

let people = 0
async function called(body: object = {}, prepare: (a: TestUser, b: TestUser) => Promise<void> = async () => {}) {
  people += 1
  const [alice, bob] = [await server.user(`alice${people}`), await server.user(`bob${people}`)]
  const roomId = await directChat(alice, bob, body)
  await prepare(alice, bob)
  await callInVain(server, alice, bob, roomId)
  const prompt = (await promptsOf(alice)).at(-1)
  assert.ok(prompt)
  return { alice, bob, roomId, prompt, chatId: (await chatOf(alice)) ?? '' }
}

async function post(token: string, on = server): Promise<{ status: number; body: JsonObject }> {
  const url = `${on.url}/_ringback/v1/recorder/${token}?kind=voice`
  const response = await fetch(url, { method: 'POST', body: new Uint8Array(recording) })
  return { status: response.status, body: (await response.json()) as JsonObject }
}

const recordingsIn = async (user: TestUser, roomId: string): Promise<SeenEvent[]> =>
  (await timeline(user, roomId)).filter(({ content }) => content.msgtype === 'm.audio')
const stateOf = async (user: TestUser) => (await notesOf(user))[0]?.state
const voice = (url: string): JsonObject => ({
  msgtype: 'm.audio',
  body: 'Voice message',
  url,
  info: { duration: 1500, mimetype: 'audio/ogg' },
  'org.matrix.msc3245.voice': {},
})

test('a recorded note comes as a message of the caller, and what becomes of it is told', { skip }, async () => {
  const { alice, bob, roomId, prompt } = await called()
  const answer = await post(tokenOf(prompt))
  assert.equal(answer.status, 200)
  assert.equal(answer.body.room_id, roomId)
  const event = await getEvent(bob, roomId, String(answer.body.event_id))
  assert.equal(event.sender, alice.userId)
  const { note_id: noteId } = event.content['io.ringback.note'] as JsonObject
  assert.deepEqual(event.content['io.ringback.missed_call'], { call_id: prompt.about.call_id as string, kind: 'voice' })
  const [call] = (await alice.get<{ calls: JsonObject[] }>('/_ringback/v1/calls')).calls
  assert.equal(call?.note_event_id, event.event_id)
  const audit = await server.context.db.read((reader) =>
    reader.qb.selectFrom('voicemail_audit').selectAll().where('user_id', '=', alice.userId).execute(),
  )
  assert.deepEqual(
    audit.map((row) => [row.action, row.credential, row.event_id, row.room_id]),
    [['sent a note as the user', `link ${noteId}`, event.event_id, roomId]],
  )
  const root = await server.user('root', { admin: true })
  const auditPath = '/_ringback/admin/v1/voicemail/audit'
  const { entries } = await root.get<{ entries: JsonObject[] }>(auditPath, { user_id: alice.userId, room_id: roomId })
  assert.deepEqual([entries.length, entries[0]?.note_id], [1, noteId])
  await alice.request('GET', auditPath, { expect: 403 })
  const [sent] = await notesOf(alice)
  const common = { note_id: noteId, room_id: roomId, event_id: event.event_id, kind: 'voice', call_id: call?.call_id }
  const { sent_ts, duration_ms, expires_ts, ...rest } = sent ?? {}
  assert.deepEqual(rest, { ...common, peer: bob.userId, direction: 'outgoing', state: 'sent' })
  assert.ok(Number(duration_ms) > 1900 && Number(duration_ms) < 2100 && sent_ts && Number(expires_ts) > Number(sent_ts))

  assert.deepEqual(await roomDataOf(bob, roomId, 'm.marked_unread'), { unread: true })
  await server.context.drain()
  assert.deepEqual([await stateOf(alice), await stateOf(bob)], ['delivered', 'delivered'])
  assert.match((await editOf(alice, prompt))?.body ?? '', /✅ Voice note sent \(0:02\)$/)
  await setSettings(bob, { share_played: false })
  await fetchWhole(server, bob, String(event.content.url))
  assert.deepEqual([await stateOf(alice), await stateOf(bob)], ['delivered', 'fetched'])
  const played = `/_ringback/v1/notes/${noteId}/played`
  await alice.request('POST', played, { expect: 404 })
  await bob.post(played)
  await server.context.drain()
  assert.deepEqual([await stateOf(alice), await stateOf(bob)], ['delivered', 'played'])
  assert.ok(!(await editOf(alice, prompt))?.body.includes('played'))
  assert.deepEqual(await roomDataOf(bob, roomId, 'm.marked_unread'), { unread: false })
  await setSettings(bob, { share_played: true })
  assert.equal(await stateOf(alice), 'played')

  // The link was for one note.
  assert.equal((await post(tokenOf(prompt))).status, 403)
  assert.equal((await recordingsIn(bob, roomId)).length, 1)
  // After the grace nothing is left but the message.
  await server.wait(7 * 86_400_000 + 3_600_000)
  assert.deepEqual([await stateOf(alice), await stateOf(bob)], ['deleted', 'deleted'])
  const stored = await server.context.db.read((reader) =>
    reader.qb.selectFrom('voicemail_notes').select('state').where('note_id', '=', String(noteId)).execute(),
  )
  assert.deepEqual(stored, [{ state: 'deleted' }])
  assert.deepEqual(mediaFiles(server.dataDir), [])
})

test('whoever does not share what they play tells nothing of it, not even when the recording goes', {
  skip,
}, async () => {
  const { alice, bob, roomId, prompt } = await called()
  await setSettings(bob, { share_played: false })
  const { body } = await post(tokenOf(prompt))
  const event = await getEvent(bob, roomId, String(body.event_id))
  await sync(bob)
  await server.context.drain()
  const seen = async () => {
    await server.context.drain()
    return (await notesOf(alice))[0]
  }
  const before = await seen()
  assert.deepEqual([before?.state, before?.expires_ts], ['delivered', undefined])
  await server.wait(86_400_000)
  const live = await openLive(server.url, alice)
  await fetchWhole(server, bob, String(event.content.url))
  assert.deepEqual(await seen(), before)
  const note = at`/_ringback/v1/notes/${String(before?.note_id)}`
  await bob.post(`${note}/played`)
  await bob.put(`${note}/keep`, {})
  assert.deepEqual(await seen(), before)
  // Whatever was published comes before this.
  await server.context.db.write('test', (tx) => server.context.live.publish(tx, alice.userId, { type: 'call' }))
  assert.deepEqual((await live.next()).type, 'call')
  await live.close()
  assert.equal((await notesOf(bob))[0]?.kept, true)
})

test('whoever shares what they read sees their caller told that it was played', { skip }, async () => {
  const { alice, bob, roomId, prompt } = await called()
  const { body } = await post(tokenOf(prompt))
  const receipt = (type: string) =>
    bob.post(
      `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/receipt/${type}/${encodeURIComponent(String(body.event_id))}`,
    )
  await receipt('m.read.private')
  // Nobody answers what they have not listened to.
  await send(bob, roomId, {
    msgtype: 'm.text',
    body: 'ok',
    'm.relates_to': { 'm.in_reply_to': { event_id: String(body.event_id) } },
  })
  assert.deepEqual([await stateOf(alice), await stateOf(bob)], ['delivered', 'played'])
  await send(bob, roomId, 'later')
  const last = (await timeline(bob, roomId)).at(-1)
  await bob.post(
    `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/receipt/m.read/${encodeURIComponent(last?.event_id ?? '')}`,
  )
  assert.equal(await stateOf(alice), 'played')
})

test('a voice message in the voicemail chat is the note', { skip }, async () => {
  const { alice, bob, roomId, prompt, chatId } = await called()
  const mxc = await upload(alice, recording, { type: 'audio/ogg' })
  await send(alice, chatId, voice(mxc))
  await server.context.drain()
  const [note, ...others] = await recordingsIn(bob, roomId)
  assert.ok(note)
  assert.deepEqual(others, [])
  assert.equal(note.sender, alice.userId)
  assert.equal((note.content.info as JsonObject).mimetype, 'audio/ogg')
  assert.match((await editOf(alice, prompt))?.body ?? '', /✅ Voice note sent/)
  // Another one has no call to belong to.
  await send(alice, chatId, voice(mxc))
  await server.context.drain()
  assert.equal((await recordingsIn(bob, roomId)).length, 1)
  assert.match((await answersIn(alice, chatId)).at(-1) ?? '', /no call to leave this note after/)
})

test('what the caller records in the conversation itself is the note as well', async () => {
  const { alice, bob, roomId, prompt } = await called()
  await send(bob, roomId, voice('mxc://localhost/by-bob'))
  await send(alice, roomId, { msgtype: 'm.audio', body: 'song.mp3', url: 'mxc://localhost/song' })
  await server.context.drain()
  assert.deepEqual(await notesOf(alice), [])
  const eventId = await send(alice, roomId, voice('mxc://localhost/by-alice'))
  await server.context.drain()
  const [note, ...others] = await notesOf(bob)
  assert.deepEqual(others, [])
  assert.deepEqual([note?.event_id, note?.direction, note?.duration_ms], [eventId, 'incoming', 1500])
  assert.match((await editOf(alice, prompt))?.body ?? '', /✅ Voice note sent \(0:02\)/)
  const [call] = (await alice.get<{ calls: JsonObject[] }>('/_ringback/v1/calls')).calls
  assert.equal(call?.note_event_id, eventId)
  await send(alice, roomId, voice('mxc://localhost/second'))
  assert.equal((await notesOf(bob)).length, 1)
  const redaction = at`/_matrix/client/v3/rooms/${roomId}/redact/${eventId}/1`
  await alice.put(redaction)
  assert.equal(await stateOf(bob), 'deleted')
})

test('into an encrypted conversation nothing goes in clear', { skip }, async () => {
  const encrypted = {
    initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  }
  const { alice, bob, roomId, prompt, chatId } = await called(encrypted)
  assert.ok(prompt.body.includes(`https://matrix.to/#/${encodeURIComponent(roomId)}?via=localhost`))
  assert.ok(!prompt.body.includes('/voicemail/r/') && !prompt.body.includes('voice message here'))
  const mxc = await upload(alice, recording, { type: 'audio/ogg' })
  await send(alice, chatId, voice(mxc))
  await server.context.drain()
  assert.match((await answersIn(alice, chatId)).at(-1) ?? '', /encrypted/)
  assert.deepEqual(await recordingsIn(bob, roomId), [])
  assert.equal(await chatOf(bob), undefined)
})

test('where both want it the assistant carries the note between their chats, and says that it is not encrypted', {
  skip,
}, async () => {
  const encryption = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }
  const { alice, bob, roomId, prompt } = await called({ initial_state: [encryption] }, async (a, b) => {
    for (const user of [a, b]) await setSettings(user, { unencrypted_delivery: true })
  })
  assert.match(prompt.body, /stays encrypted: https:\/\/matrix.to[\s\S]*Voice note \(not end-to-end encrypted\): http/)
  const { status } = await post(tokenOf(prompt))
  assert.equal(status, 200)
  assert.deepEqual(await recordingsIn(bob, roomId), [])
  const bobsChat = (await chatOf(bob)) ?? ''
  const [note] = await recordingsIn(bob, bobsChat)
  assert.equal(note?.sender, bot)
  assert.match(String(note?.content.body), /Voice note from alice\d+ \(not end-to-end encrypted\)/)
  const [listed] = await notesOf(bob)
  assert.deepEqual([listed?.peer, listed?.room_id, listed?.event_id], [alice.userId, bobsChat, note?.event_id])
})

test('what cannot be delivered is refused with its reason, and nothing of it remains', { skip }, async () => {
  const auth = (user: TestUser) => ({
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: user.userId },
    password,
  })
  const deactivate = (user: TestUser) => user.post('/_matrix/client/v3/account/deactivate', { auth: auth(user) })
  const cases: readonly [string, (a: TestUser, b: TestUser, roomId: string) => Promise<unknown>, RegExp][] = [
    ['the caller left', (a, _b, roomId) => act(a, roomId, 'leave'), /not in that conversation/],
    ['the callee left', (_a, b, roomId) => act(b, roomId, 'leave'), /not in that conversation/],
    ['the callee takes no notes', (_a, b) => setSettings(b, { notes_to_me: false }), /takes no notes/],
    [
      'the room takes none',
      (a, _b, roomId) => setState(a, roomId, 'io.ringback.missed_call_prompts', { enabled: false }),
      /takes no notes/,
    ],
    ['the callee is gone', (_a, b) => deactivate(b), /not in that conversation|takes no notes/],
    ['the caller is gone', (a) => deactivate(a), /does not work|may not send/],
  ]
  for (const [what, spoil, reason] of cases) {
    const { alice, bob, roomId, prompt } = await called()
    const before = mediaFiles(server.dataDir)
    await spoil(alice, bob, roomId)
    await server.context.jobs.drain()
    const answer = await post(tokenOf(prompt))
    assert.equal(answer.status, 403, what)
    assert.match(String(answer.body.error), reason, what)
    await server.context.drain()
    assert.deepEqual(mediaFiles(server.dataDir), before, what)
  }
})

test('a refused note can be sent once what was wrong is put right', { skip }, async () => {
  const { alice, bob, roomId, prompt } = await called()
  await act(bob, roomId, 'leave')
  assert.equal((await post(tokenOf(prompt))).status, 403)
  await act(alice, roomId, 'invite', { user_id: bob.userId })
  await join(bob, roomId)
  assert.equal((await post(tokenOf(prompt))).status, 200)
})

test('a note that was taken is sent once, also over a restart', { skip }, async () => {
  const dataDir = temporaryFolder({ after })
  const first = await createCallingServer({ dataDir })
  const [alice, bob] = [await first.user('alice'), await first.user('bob')]
  const roomId = await directChat(alice, bob)
  await callInVain(first, alice, bob, roomId)
  const [prompt] = await promptsOf(alice)
  assert.ok(prompt)
  first.context.recorder.useDelivery(() => Promise.reject(new Error('the power is gone')))
  assert.equal((await post(tokenOf(prompt), first)).status, 500)
  await first.stop()
  const second = await createCallingServer({ dataDir })
  second.clock.set(first.clock.now() + 60_000)
  await second.context.drain()
  await second.context.drain()
  const again = await second.login('bob')
  assert.equal((await recordingsIn(again, roomId)).length, 1)
  assert.equal((await notesOf(again)).length, 1)
  await second.stop()
})
