import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { noteAnswer } from './helpers/contract.ts'
import { ffmpegMissing } from './helpers/ffmpeg.ts'
import { download } from './helpers/media.ts'
import { temporaryFolder } from './helpers/program.ts'
import { makeLink, probe, takeNotes } from './helpers/recorder.ts'
import { type SeenEvent, timeline } from './helpers/rooms.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'
import {
  type Calling,
  callInVain,
  createCallingServer,
  directChat,
  editOf,
  promptsOf,
  setSettings,
  tokenOf,
} from './helpers/voicemail.ts'

const skip = ffmpegMissing
const folder = temporaryFolder({ after })
const dataDir = join(folder, 'data')
let server: Calling
let voice: Buffer
before(async () => {
  if (skip) return
  server = await createCallingServer({ dataDir })
  const path = join(folder, 'voice.webm')
  const sound = ['-f', 'lavfi', '-i', 'sine=frequency=220:duration=2', '-c:a', 'libopus', '-f', 'webm', '-live', '1']
  execFileSync('ffmpeg', ['-v', 'error', ...sound, path])
  voice = readFileSync(path)
})
after(() => server?.stop())

let people = 0
/** A caller who has called in vain, and the token of the link that came of it. */
async function missed(options: { room?: object } = {}) {
  people += 1
  const [alice, bob] = [await server.user(`alice${people}`), await server.user(`bob${people}`)]
  const roomId = await directChat(alice, bob, options.room)
  await callInVain(server, alice, bob, roomId)
  const prompt = (await promptsOf(alice)).at(-1)
  assert.ok(prompt)
  return { alice, bob, roomId, prompt, token: tokenOf(prompt) }
}

async function post(url: string, token: string, query = '?kind=voice') {
  const path = `/_ringback/v1/recorder/${token}`
  const response = await fetch(`${url}${path}${query}`, { method: 'POST', body: new Uint8Array(voice) })
  noteAnswer('POST', path, response.status)
  return { status: response.status, body: (await response.json()) as JsonObject }
}

const isNote = ({ content }: SeenEvent) => content['org.matrix.msc3245.voice'] !== undefined
const notesIn = async (user: TestUser, roomId: string) => (await timeline(user, roomId)).filter(isNote)

test('a note of the recorder is a message of the caller in the conversation', { skip }, async () => {
  const { alice, bob, roomId, prompt, token } = await missed()
  const { status, body } = await post(server.url, token, '?kind=voice&caption=About+tomorrow')
  assert.equal(status, 200)
  const [note, ...others] = await notesIn(bob, roomId)
  assert.ok(note)
  assert.deepEqual(others, [])
  assert.deepEqual([note.sender, note.event_id, roomId], [alice.userId, body.event_id, body.room_id])
  const { content } = note
  assert.deepEqual([content.msgtype, content.body], ['m.audio', 'About tomorrow'])
  assert.equal(Object(content['io.ringback.missed_call']).kind, 'voice')
  const path = join(folder, 'note.ogg')
  writeFileSync(path, (await download(bob, String(content.url))).bytes)
  assert.equal(probe(path).streams[0]?.codec_name, 'opus')
  await server.context.drain()
  assert.notEqual(await editOf(alice, prompt), undefined, 'the prompt says that it was used')
  const again = await post(server.url, token)
  assert.deepEqual([again.status, again.body.errcode], [403, 'M_FORBIDDEN'])
  const { notes } = await bob.get<{ notes: JsonObject[] }>('/_ringback/v1/notes')
  assert.deepEqual(
    notes.map(({ event_id, duration_ms, direction }) => [event_id, duration_ms, direction]),
    [[body.event_id, body.duration_ms, 'incoming']],
  )
})

test('a callee who takes no more notes, and a caller who has left, leave nothing half-sent', { skip }, async () => {
  const { alice, bob, roomId, token } = await missed()
  await setSettings(bob, { notes_to_me: false })
  const refused = await post(server.url, token)
  assert.deepEqual([refused.status, refused.body.errcode], [403, 'M_FORBIDDEN'])
  assert.doesNotMatch(String(refused.body.error), /link does not work/)
  await setSettings(bob, {})
  await alice.post(`/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/leave`, {})
  assert.equal((await post(server.url, token)).status, 403)
  assert.deepEqual(await notesIn(bob, roomId), [])
  const uploads = await server.context.db.read((reader) =>
    reader.qb.selectFrom('media').select('state').where('uploader', '=', alice.userId).execute(),
  )
  assert.ok(uploads.length > 0 && uploads.every(({ state }) => state === 'deleted'))
})

test('a server that is killed between the upload and the sending sends the note once', { skip }, async (t) => {
  const { bob, roomId, token } = await missed()
  const kept = Promise.withResolvers<void>()
  const dead = Promise.withResolvers<never>()
  server.context.recorder.useDelivery(() => {
    kept.resolve()
    return dead.promise
  })
  const answer = post(server.url, token)
  await kept.promise
  // What a crash would leave behind.
  const copy = join(folder, 'copy')
  cpSync(dataDir, copy, { recursive: true, filter: (path) => !path.endsWith('.lock') })
  const again = await createCallingServer({ dataDir: copy })
  t.after(() => again.stop())
  const bobAgain = await again.login(bob.userId.slice(1).split(':')[0] ?? '')
  again.clock.set(server.clock.now())
  await again.wait(5_000)
  await again.wait(60_000)
  const [note, ...others] = await notesIn(bobAgain, roomId)
  assert.ok(note)
  assert.deepEqual(others, [])
  assert.equal((await download(bobAgain, String(note.content.url))).status, 200)
  assert.equal((await post(again.url, token)).status, 403)
  dead.reject(new Error('the server was killed'))
  assert.equal((await answer).status, 500)
})

test('without ffmpeg voices in Opus are taken, and nothing else', { skip }, async (t) => {
  const path = process.env.PATH
  process.env.PATH = ''
  const bare = await createTestServer().finally(() => {
    process.env.PATH = path
  })
  t.after(() => bare.stop())
  const { notes } = takeNotes(bare)
  const alice = await bare.user('alice')
  const token = await makeLink(bare, alice)
  const page = await fetch(`${bare.url}/voicemail/r/${token}`)
  assert.match(await page.text(), /"canConvert":false/)
  const video = await post(bare.url, token, '?kind=video')
  assert.deepEqual([video.status, video.body.error], [400, 'This server cannot convert recordings of this kind'])
  assert.equal((await post(bare.url, token)).status, 200)
  const file = join(folder, 'bare.ogg')
  writeFileSync(file, (await download(alice, String(notes[0]?.mxc))).bytes)
  const { streams, format } = probe(file)
  assert.deepEqual([streams[0]?.codec_name, format.format_name], ['opus', 'ogg'])
  assert.ok(Math.abs(Number(format.duration) * 1000 - Number(notes[0]?.durationMs)) < 30)
})
