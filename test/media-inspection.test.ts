import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { isBlurhashValid } from 'blurhash'
import sharp from 'sharp'
import { ClientGoneError } from '../src/http/client-gone.ts'
import { testOnEngines } from './helpers/engines.ts'
import { ffmpegMissing, makeRecording, type recordings } from './helpers/ffmpeg.ts'
import { getMedia, placeOf, upload } from './helpers/media.ts'
import { temporaryFolder } from './helpers/program.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const server = await createTestServer({ config: { media: { thumbnails: { max_pixels: 2_000_000 } } } })
after(() => server.stop())
const alice = await server.user('alice')
const bob = await server.user('bob')

interface Info {
  info: { mimetype: string; size: number; w?: number; h?: number; duration?: number; 'xyz.amorgan.blurhash'?: string }
  codecs: { video?: string; audio?: string }
}

const infoPath = (mxc: string) => `/_ringback/v1/media/info/${placeOf(mxc)}`
const infoOf = (user: TestUser, mxc: string) => user.get<Info>(infoPath(mxc))

const picture = (width: number, height: number) => sharp({ create: { width, height, channels: 3, background: 'red' } })

function storedFacts({ context }: TestServer) {
  return context.db.read((reader) => reader.qb.selectFrom('media_facts').selectAll().execute())
}

testOnEngines('uploaded pictures are looked at by themselves, once for each content', async (_t, { engine }) => {
  await using own = await createTestServer({ engine })
  const carol = await own.user('carol')
  const dave = await own.user('dave')
  const photo = await picture(400, 200).jpeg().withMetadata({ orientation: 6 }).toBuffer()
  await upload(carol, photo, { type: 'image/jpeg' })
  await upload(dave, photo, { type: 'image/jpeg' })
  await upload(carol, 'text', { type: 'text/plain' })
  await own.context.jobs.drain()
  const [facts, ...others] = await storedFacts(own)
  assert.deepEqual(others, [])
  assert.deepEqual([facts?.width, facts?.height, facts?.duration_ms], [200, 400, null])
  assert.ok(isBlurhashValid(facts?.blurhash ?? '').result)
  for (const { userId } of [carol, dave]) {
    await own.context.db.write('erase', (tx) => own.context.accounts.users.deactivate(tx, userId, true))
  }
  await own.context.jobs.drain()
  assert.deepEqual(await storedFacts(own), [])
})

test('clients are told what messages say about a file', async () => {
  const bytes = await picture(800, 400).png().toBuffer()
  const mxc = await upload(alice, bytes, { type: 'image/png' })
  const { info, codecs } = await infoOf(bob, mxc)
  const { 'xyz.amorgan.blurhash': blurhash, ...rest } = info
  assert.deepEqual(rest, { mimetype: 'image/png', size: bytes.length, w: 800, h: 400 })
  assert.deepEqual(codecs, {})
  // Four by three blotches, of one red.
  assert.match(blurhash ?? '', /^L[\w#$%*+,.:;=?@[\]^{|}~-]{27}$/)
  const text = await infoOf(bob, await upload(alice, 'hello', { type: 'text/plain' }))
  assert.deepEqual(text, { info: { mimetype: 'text/plain', size: 5 }, codecs: {} })
})

test('sound and videos have a length, and videos a poster', { skip: ffmpegMissing }, async (t) => {
  const folder = temporaryFolder(t)
  const cases: [name: keyof typeof recordings, type: string, codecs: Info['codecs']][] = [
    ['video.webm', 'video/webm', { video: 'vp8', audio: 'opus' }],
    ['live.webm', 'video/webm', { video: 'vp8' }],
    ['video.mp4', 'video/mp4', { video: 'mpeg4', audio: 'aac' }],
    ['sound.ogg', 'audio/ogg', { audio: 'opus' }],
    ['sound.mp3', 'audio/mpeg', { audio: 'mp3' }],
    ['sound.wav', 'audio/x-wav', { audio: 'pcm_s16le' }],
    ['sound.flac', 'audio/flac', { audio: 'flac' }],
  ]
  for (const [name, type, expected] of cases) {
    const mxc = await upload(alice, readFileSync(makeRecording(folder, name)), { type })
    const { info, codecs } = await infoOf(bob, mxc)
    assert.deepEqual(codecs, expected, name)
    assert.ok(Math.abs((info.duration ?? 0) - 2000) < 150, `${name}: ${info.duration}`)
    assert.equal(info.mimetype, type)
    const isVideo = expected.video !== undefined
    assert.deepEqual([info.w, info.h], isVideo ? [320, 180] : [undefined, undefined], name)
    assert.equal(isBlurhashValid(info['xyz.amorgan.blurhash'] ?? '').result, isVideo, name)
    const poster = await getMedia(bob, `/_matrix/client/v1/media/thumbnail/${placeOf(mxc)}?width=320&height=240`)
    assert.equal(poster.status, isVideo ? 200 : 400, name)
    if (isVideo) assert.equal((await sharp(poster.bytes).metadata()).width, 320)
  }
})

test('broken and huge files are looked at once, and in vain', { skip: ffmpegMissing }, async () => {
  const jpeg = await picture(500, 500).jpeg().toBuffer()
  const video = Buffer.concat([Buffer.from('0000002066747970697a6f6d0000020069736f6d', 'hex'), Buffer.alloc(500)])
  video.write('isom', 8, 'latin1')
  const cases: [bytes: Buffer, type: string, size: (number | undefined)[]][] = [
    [Buffer.concat([jpeg.subarray(0, 20), Buffer.alloc(5000, 0xff)]), 'image/jpeg', [undefined, undefined]],
    [video, 'video/mp4', [undefined, undefined]],
    [
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
      'image/svg+xml',
      [undefined, undefined],
    ],
    [await picture(2000, 2000).png().toBuffer(), 'image/png', [2000, 2000]],
  ]
  for (const [bytes, type, size] of cases) {
    const mxc = await upload(alice, bytes, { type })
    await server.context.jobs.drain()
    for (let time = 0; time < 2; time++) {
      const { info } = await infoOf(bob, mxc)
      assert.deepEqual([info.w, info.h], size, type)
      assert.deepEqual([info.duration, info['xyz.amorgan.blurhash']], [undefined, undefined], type)
    }
  }
  assert.equal(await waitingJobs(), 0)
})

test('who does not wait for an answer spoils it for nobody', { skip: ffmpegMissing }, async (t) => {
  await using own = await createTestServer()
  const carol = await own.user('carol')
  const { downloads, inspector } = own.context.media
  const photo = await picture(30, 20).png().toBuffer()
  const video = readFileSync(makeRecording(temporaryFolder(t), 'video.webm'))
  for (const [bytes, type] of [
    [photo, 'image/png'],
    [video, 'video/webm'],
  ] as const) {
    const mediaId = placeOf(await upload(carol, bytes, { type })).split('/')[1] ?? ''
    const ref = { origin: own.context.serverName, mediaId }
    const found = await downloads.find(ref, { timeoutMs: 0, allowRemote: false, signal: AbortSignal.timeout(60_000) })
    const forget = () => own.context.db.write('forget', (tx) => tx.qb.deleteFrom('media_facts').execute())
    await own.context.jobs.drain()
    await forget()
    await assert.rejects(inspector.facts(found.blob, AbortSignal.abort()), ClientGoneError)
    const gone = new AbortController()
    const asked = inspector.facts(found.blob, gone.signal)
    setImmediate(() => gone.abort())
    await asked.catch((error: unknown) => assert.ok(error instanceof ClientGoneError, String(error)))
    const { width, blurhash } = await inspector.facts(found.blob, new AbortController().signal)
    assert.ok(width !== null && blurhash !== null, type)
    await forget()
  }
})

test('without ffmpeg a recording shows its size alone, until there is one', { skip: ffmpegMissing }, async (t) => {
  const dataDir = temporaryFolder(t)
  const video = readFileSync(makeRecording(dataDir, 'video.webm'))
  const path = process.env.PATH
  t.after(() => {
    process.env.PATH = path
  })
  process.env.PATH = '/nowhere'
  const before = await createTestServer({ dataDir })
  const mxc = await upload(await before.user('carol'), video, { type: 'video/webm' })
  await before.context.jobs.drain()
  const { info, codecs } = await infoOf(await before.login('carol'), mxc)
  assert.deepEqual([info, codecs], [{ mimetype: 'video/webm', size: video.length }, {}])
  await before.stop()
  process.env.PATH = path
  await using later = await createTestServer({ dataDir })
  assert.equal((await infoOf(await later.login('carol'), mxc)).info.w, 320)
})

test('only who may download a file is told about it', async () => {
  const mxc = await upload(alice, 'hello')
  for (const [path, token, status, errcode] of [
    [infoPath(mxc), undefined, 401, 'M_MISSING_TOKEN'],
    [infoPath('mxc://localhost/missing'), bob.accessToken, 404, 'M_NOT_FOUND'],
    [infoPath('mxc://localhost/..%2f..%2fetc'), bob.accessToken, 404, 'M_NOT_FOUND'],
  ] as const) {
    const answer = await getMedia({ baseUrl: server.url, accessToken: token }, path)
    assert.deepEqual([answer.status, answer.errcode], [status, errcode], path)
  }
})

async function waitingJobs(): Promise<number> {
  const rows = await server.context.db.read((reader) =>
    reader.qb.selectFrom('jobs').select('job_id').where('kind', '=', 'media.inspect').execute(),
  )
  return rows.length
}
