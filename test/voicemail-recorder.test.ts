import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { errors } from '../src/matrix/errors.ts'
import type { JsonObject } from '../src/matrix/event.ts'
import { createTestClock } from '../src/util/clock.ts'
import { noteAnswer } from './helpers/contract.ts'
import { ffmpegMissing } from './helpers/ffmpeg.ts'
import { download, mediaFiles } from './helpers/media.ts'
import { temporaryFolder } from './helpers/program.ts'
import { loudnessOf, makeLink, noteRoom, probe, takeNotes } from './helpers/recorder.ts'
import { createTestServer } from './helpers/server.ts'

const skip = ffmpegMissing
const clock = createTestClock()
const server = await createTestServer({ clock, config: { bots: { voicemail: { max_length: '4s' } } } })
after(() => server.stop())
const alice = await server.user('alice')
const taker = takeNotes(server)
const folder = temporaryFolder({ after })

const speech = (seconds: number, filter = 'anull') => [
  ...['-f', 'lavfi', '-i', `sine=frequency=220:duration=${seconds},tremolo=f=3:d=0.8,${filter}`],
]
const picture = (seconds: number, size = '320x240') => [
  '-f',
  'lavfi',
  '-i',
  `testsrc=size=${size}:rate=10:duration=${seconds}`,
]
const browserWebm = ['-f', 'webm', '-live', '1']

function make(name: string, ...args: string[]): Buffer {
  const path = join(folder, name)
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...args, path])
  return readFileSync(path)
}

async function post(token: string, body: Uint8Array, query = '?kind=voice') {
  const path = `/_ringback/v1/recorder/${token}`
  const response = await fetch(`${server.url}${path}${query}`, { method: 'POST', body: new Uint8Array(body) })
  noteAnswer('POST', path, response.status)
  return { status: response.status, body: (await response.json()) as JsonObject }
}

async function page(token: string) {
  const response = await fetch(`${server.url}/voicemail/r/${token}`)
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const sent = (duration: number) => ({ event_id: '$note', room_id: noteRoom, duration_ms: duration })
const isAbout = (actual: unknown, expected: number, by: number) =>
  assert.ok(Math.abs(Number(actual) - expected) <= by, `${actual} is not about ${expected}`)

let voice: Buffer
before(() => {
  if (!skip) voice = make('voice.webm', ...speech(2, 'volume=-9dB'), '-c:a', 'libopus', ...browserWebm)
})

test('a voice recording of a browser becomes a voice message', { skip }, async () => {
  const token = await makeLink(server, alice)
  const answer = await post(token, voice, '?caption=It+is+about+tomorrow')
  assert.equal(answer.status, 200)
  isAbout(answer.body.duration_ms, 2000, 50)
  const note = taker.notes.at(-1)
  assert.ok(note)
  const { content, mxc, durationMs } = note
  assert.deepEqual(answer.body, sent(durationMs))
  const stored = await download(alice, mxc)
  const path = join(folder, 'note.ogg')
  writeFileSync(path, stored.bytes)
  const { streams, format } = probe(path)
  assert.deepEqual(
    streams.map(({ codec_name, channels, sample_rate }) => [codec_name, channels, sample_rate]),
    [['opus', 1, '48000']],
  )
  assert.equal(format.format_name, 'ogg')
  isAbout(Number(format.duration) * 1000, durationMs, 30)
  assert.ok(Number(format.bit_rate) < 40_000, format.bit_rate)
  const { integrated, peak } = loudnessOf(path)
  isAbout(integrated, -18, 1.5)
  assert.ok(peak <= -1, String(peak))

  const size = stored.bytes.length
  const { 'org.matrix.msc1767.audio': audio, ...others } = content
  const { waveform, duration } = audio as { waveform: number[]; duration: number }
  assert.equal(duration, durationMs)
  assert.ok(waveform.length >= 30 && waveform.length <= 120)
  assert.ok(waveform.every((bar) => Number.isInteger(bar) && bar >= 0 && bar <= 1024))
  assert.ok(Math.max(...waveform) > 2 * Math.min(...waveform), 'the tremolo is seen')
  assert.deepEqual(others, {
    msgtype: 'm.audio',
    body: 'It is about tomorrow',
    filename: 'Voice message.ogg',
    url: mxc,
    info: { duration: durationMs, mimetype: 'audio/ogg', size },
    'org.matrix.msc1767.text': 'It is about tomorrow',
    'org.matrix.msc1767.file': { url: mxc, name: 'Voice message.ogg', mimetype: 'audio/ogg', size },
    'org.matrix.msc3245.voice': {},
    'm.mentions': {},
  })
})

test('a video recording becomes a square video with a picture', { skip }, async () => {
  const source = [...picture(2), ...speech(2)]
  const bytes = make('video.webm', ...source, '-c:v', 'libvpx', '-c:a', 'libopus', ...browserWebm)
  const token = await makeLink(server, alice)
  const answer = await post(token, bytes, '?kind=video')
  assert.equal(answer.status, 200)
  isAbout(answer.body.duration_ms, 2000, 100)
  const note = taker.notes.at(-1)
  assert.ok(note)
  const { content, mxc } = note
  const stored = await download(alice, mxc)
  const path = join(folder, 'note.mp4')
  writeFileSync(path, stored.bytes)
  const { streams, format } = probe(path)
  const [video, audio] = streams
  assert.deepEqual(
    [video?.codec_name, video?.profile, video?.width, video?.height, video?.pix_fmt],
    ['h264', 'Main', 480, 480, 'yuv420p'],
  )
  assert.deepEqual([audio?.codec_name, audio?.profile], ['aac', 'LC'])
  assert.ok(Number(format.bit_rate) < 1_000_000)
  assert.ok(stored.bytes.indexOf('moov') < stored.bytes.indexOf('mdat'), 'it starts before it has been loaded')
  const info = content.info as JsonObject & { thumbnail_info: JsonObject }
  const poster = await download(alice, String(info.thumbnail_url))
  assert.equal(poster.headers.get('content-type'), 'image/jpeg')
  assert.deepEqual(info.thumbnail_info, { w: 480, h: 480, mimetype: 'image/jpeg', size: poster.bytes.length })
  assert.match(String(info['xyz.amorgan.blurhash']), /^.{20,}$/)
  const { w, h, mimetype, size, duration } = info
  assert.deepEqual([w, h, mimetype, size, duration], [480, 480, 'video/mp4', stored.bytes.length, note.durationMs])
  assert.deepEqual(
    [content.msgtype, content.body, content['io.ringback.video_note'], content['org.interferolog.circle']],
    ['m.video', 'Video message', { shape: 'round' }, true],
  )
})

test('recordings of other kinds of browsers are taken, too', { skip }, async () => {
  const fragmented = ['-movflags', 'frag_keyframe+empty_moov+default_base_moof', '-f', 'mp4']
  const files: [name: string, query: string, bytes: Buffer][] = [
    ['Safari voice', '?kind=voice', make('voice.mp4', ...speech(1), '-c:a', 'aac', ...fragmented)],
    [
      'Chromium video',
      '',
      make(
        'vp9.mp4',
        ...picture(1),
        ...speech(1),
        '-c:v',
        'libvpx-vp9',
        '-deadline',
        'realtime',
        '-c:a',
        'libopus',
        ...fragmented,
      ),
    ],
    ['Firefox voice', '?kind=voice', make('voice.ogg', ...speech(1), '-c:a', 'libopus')],
    [
      'a camera without a microphone',
      '?kind=video',
      make('mute.webm', ...picture(1), '-c:v', 'libvpx', ...browserWebm),
    ],
    [
      'the sound of a video',
      '?kind=voice',
      make('both.webm', ...picture(1), ...speech(1), '-c:v', 'libvpx', '-c:a', 'libopus'),
    ],
  ]
  for (const [name, query, bytes] of files) {
    const token = await makeLink(server, alice, { kind: 'video' })
    const { status, body } = await post(token, bytes, query)
    assert.equal(status, 200, `${name}: ${JSON.stringify(body)}`)
    isAbout(body.duration_ms, 1000, 120)
  }
})

test('the length counts, whatever the file says of itself', { skip }, async () => {
  const token = await makeLink(server, alice)
  const tooLong = [400, 'M_INVALID_PARAM', 'The recording is longer than 4 seconds']
  const long = make('long.ogg', ...speech(5), '-c:a', 'libopus')
  const wav = make('long.wav', ...speech(6))
  // A header that promises one second.
  wav.writeUInt32LE(wav.length, 4)
  const lying = make('lying.mp4', ...speech(5), '-c:a', 'aac')
  const at = lying.indexOf('mvhd')
  lying.writeUInt32BE(lying.readUInt32BE(at + 16), at + 20)
  const video = make('long.webm', ...picture(5), '-c:v', 'libvpx', ...browserWebm)
  for (const [bytes, query] of [
    [long, '?kind=voice'],
    [wav, '?kind=voice'],
    [lying, '?kind=voice'],
    [video, '?kind=video'],
  ] as const) {
    const { status, body } = await post(token, bytes, query)
    assert.deepEqual([status, body.errcode, body.error], tooLong)
  }
  // What a timer adds is cut off, and the link works as before.
  const edge = make('edge.ogg', ...speech(4.3), '-c:a', 'libopus')
  assert.deepEqual(await post(token, edge), { status: 200, body: sent(4000) })
})

test('what is no recording is refused in plain words, and the link works on', { skip }, async (t) => {
  const filesBefore = mediaFiles(server.dataDir).length
  const token = await makeLink(server, alice)
  const other = await fetchCounter(t)
  const playlist = `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${other.url}/segment.ts\n`
  const bad: [name: string, bytes: Buffer, query: string, error: RegExp][] = [
    ['nothing', Buffer.alloc(0), '?kind=voice', /empty/],
    ['text', Buffer.from('hello'), '?kind=voice', /not a recording/],
    ['a playlist', Buffer.from(playlist), '?kind=voice', /not a recording/],
    ['a list of files', Buffer.from('ffconcat version 1.0\nfile /etc/passwd\n'), '?kind=voice', /not a recording/],
    ['a picture', make('still.png', ...picture(1), '-frames:v', '1'), '?kind=video', /not a recording/],
    ['half a file', voice.subarray(0, 300), '?kind=voice', /not a recording|empty|short/],
    [
      'noise after a head',
      Buffer.concat([voice.subarray(0, 200), Buffer.alloc(9000, 7)]),
      '?kind=voice',
      /not a recording|empty/,
    ],
    ['a blink', make('blink.ogg', ...speech(0.1), '-c:a', 'libopus'), '?kind=voice', /too short/],
    ['sound as a video', voice, '?kind=video', /no picture/],
    [
      'a picture as a voice',
      make('silent.webm', ...picture(1), '-c:v', 'libvpx'),
      '?kind=voice',
      /not a recording|no sound/,
    ],
    [
      'a huge picture',
      make('huge.webm', ...picture(1, '5000x3000'), '-c:v', 'libvpx', '-deadline', 'realtime', '-frames:v', '1'),
      '?kind=video',
      /not a recording|short/,
    ],
    ['another kind', voice, '?kind=hologram', /./],
  ]
  for (const [name, bytes, query, error] of bad) {
    const { status, body } = await post(token, bytes, query)
    assert.deepEqual([status, body.errcode], [400, 'M_INVALID_PARAM'], name)
    assert.match(String(body.error), error, name)
  }
  assert.deepEqual(other.asked, [])
  assert.equal(mediaFiles(server.dataDir).length, filesBefore, 'nothing is left behind')
  assert.equal((await page(token)).status, 200)
  const large = await post(token, Buffer.alloc(4 * 256 * 1024 + 1024 * 1024 + 1, 1))
  assert.deepEqual([large.status, large.body.errcode], [413, 'M_TOO_LARGE'])
  assert.equal((await post(token, voice)).status, 200)
})

test('a link that was used, is over, or never was leads to a page that says so', { skip }, async () => {
  const used = await makeLink(server, alice)
  for (let look = 0; look < 3; look++) assert.equal((await page(used)).status, 200)
  const head = await fetch(`${server.url}/voicemail/r/${used}`, { method: 'HEAD' })
  assert.equal(head.status, 200)
  const opened = await page(used)
  assert.match(opened.text, /"peerName":"Bob"/)
  const { headers } = opened
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self'/)
  assert.equal(headers.get('referrer-policy'), 'no-referrer')
  assert.equal(headers.get('cache-control'), 'no-store')
  assert.equal(headers.get('permissions-policy'), 'microphone=(self), camera=(self)')
  assert.equal((await post(used, voice)).status, 200)

  const expired = await makeLink(server, alice, { expiresTs: clock.now() + 1000 })
  clock.advance(1000)
  for (const token of [used, expired, 'x'.repeat(43)]) {
    const { status, body } = await post(token, voice)
    assert.deepEqual([status, body.errcode], [403, 'M_FORBIDDEN'])
    const answer = await page(token)
    assert.equal(answer.status, 403)
    assert.match(answer.text, /does not work any more/)
    assert.ok(!answer.text.includes('Bob'))
  }
})

test('two uploads at once send one note', { skip }, async () => {
  const { length } = taker.notes
  const token = await makeLink(server, alice)
  const answers = await Promise.all([post(token, voice), post(token, voice), post(token, voice)])
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 403, 429])
  assert.equal(taker.notes.length, length + 1)
})

test('a note that cannot be sent leaves nothing behind', { skip }, async () => {
  const token = await makeLink(server, alice)
  const files = mediaFiles(server.dataDir).length
  const { deliver } = taker
  taker.deliver = () => Promise.reject(errors.forbidden('You are not in the room any more'))
  const refused = await post(token, voice)
  taker.deliver = deliver
  assert.deepEqual([refused.status, refused.body.error], [403, 'You are not in the room any more'])
  await server.context.drain()
  assert.equal(mediaFiles(server.dataDir).length, files)
  assert.equal((await post(token, voice)).status, 200)
})

test('a voice message left in the chat of the prompt is its note, once', { skip }, async () => {
  const { recorder } = server.context
  const token = await makeLink(server, alice, { promptId: 'chat' })
  const { content_uri: mxc } = await alice.post<{ content_uri: string }>(
    '/_matrix/media/v3/upload',
    new Uint8Array(voice),
  )
  const { length } = taker.notes
  const message = {
    promptId: 'chat',
    source: '$message',
    mxc,
    kind: 'voice',
    signal: new AbortController().signal,
  } as const
  const receipt = await recorder.fromMessage(message)
  isAbout(receipt.durationMs, 2000, 50)
  assert.deepEqual(await recorder.fromMessage(message), receipt)
  await assert.rejects(recorder.fromMessage({ ...message, source: '$other' }), { errcode: 'M_FORBIDDEN' })
  assert.equal(taker.notes.length, length + 1)
  assert.notEqual(taker.notes.at(-1)?.mxc, mxc)
  assert.equal((await page(token)).status, 403)
})

test('somebody whose account is closed leaves no notes', { skip }, async () => {
  const bob = await server.user('bob')
  const token = await makeLink(server, bob)
  await server.context.db.write('deactivate', (tx) => server.context.recorder.links.userDeactivated(tx, bob))
  assert.equal((await post(token, voice)).status, 403)
})

async function fetchCounter(t: { after(fn: () => Promise<void>): void }) {
  const { startWebServer } = await import('./helpers/web-server.ts')
  const site = await startWebServer()
  t.after(() => site.stop())
  return site
}
