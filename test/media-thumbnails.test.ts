import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, test } from 'node:test'
import { crc32 } from 'node:zlib'
import sharp from 'sharp'
import { testOnEngines } from './helpers/engines.ts'
import { download, getMedia, mediaFiles, placeOf, upload } from './helpers/media.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const maxPixels = 4_000_000
const server = await createTestServer({ config: { media: { thumbnails: { max_pixels: maxPixels } } } })
after(() => server.stop())
const alice = await server.user('alice')
const bob = await server.user('bob')

type Query = Record<string, string | number | boolean>

function thumbnail(user: TestUser, mxc: string, query: Query = { width: 96, height: 96, method: 'crop' }) {
  const params = new URLSearchParams(
    Object.entries(query).map(([key, value]): [string, string] => [key, String(value)]),
  )
  return getMedia(user, `/_matrix/client/v1/media/thumbnail/${placeOf(mxc)}?${params}`)
}

function picture(width: number, height: number, channels: 3 | 4 = 3) {
  const background = channels === 4 ? { r: 255, g: 0, b: 0, alpha: 0.5 } : 'red'
  return sharp({ create: { width, height, channels, background } })
}

/** A picture of `count` frames, each of another grey. */
function movingPicture(width: number, height: number, count: number) {
  const frames = Array.from({ length: count }, (_, i) => Buffer.alloc(width * height * 3, i * 20))
  return sharp(Buffer.concat(frames), { raw: { width, height: height * count, channels: 3, pageHeight: height } })
}

test('pictures are scaled and cut, never enlarged', async () => {
  const large = await upload(alice, await picture(1600, 1200).jpeg().toBuffer(), { type: 'image/jpeg' })
  const small = await upload(alice, await picture(50, 20).jpeg().toBuffer(), { type: 'image/jpeg' })
  const cases: [mxc: string, query: Query, width: number, height: number][] = [
    [large, { width: 32, height: 32, method: 'crop' }, 32, 32],
    [large, { width: 96, height: 96, method: 'crop' }, 96, 96],
    [large, { width: 320, height: 240, method: 'scale' }, 320, 240],
    [large, { width: 640, height: 480 }, 640, 480],
    [large, { width: 800, height: 100, method: 'crop' }, 800, 100],
    [large, { width: 300, height: 300, method: 'scale' }, 320, 240],
    [large, { width: 5000, height: 5000, method: 'scale' }, 1600, 1200],
    [small, { width: 800, height: 600, method: 'scale' }, 50, 20],
    [small, { width: 96, height: 96, method: 'crop' }, 20, 20],
  ]
  for (const [mxc, query, width, height] of cases) {
    const { status, headers, bytes } = await thumbnail(bob, mxc, query)
    assert.equal(status, 200)
    assert.equal(headers.get('content-type'), 'image/jpeg')
    assert.equal(headers.get('content-disposition'), 'inline; filename="thumbnail.jpg"')
    assert.match(headers.get('content-security-policy') ?? '', /^sandbox;/)
    const made = await sharp(bytes).metadata()
    assert.deepEqual([made.format, made.width, made.height], ['jpeg', width, height], JSON.stringify(query))
  }
})

test('pictures stand upright, and tell nothing about where they were taken', async () => {
  const turned = await picture(400, 200)
    .jpeg()
    .withExif({ IFD3: { GPSLatitude: '51/1 30/1 0/1' } })
    .withMetadata({ orientation: 6 })
    .toBuffer()
  const mxc = await upload(alice, turned, { type: 'image/jpeg' })
  const { bytes } = await thumbnail(bob, mxc, { width: 100, height: 100, method: 'scale' })
  const made = await sharp(bytes).metadata()
  assert.deepEqual([made.width, made.height, made.orientation, made.exif], [64, 128, undefined, undefined])
})

test('transparency is kept, in all formats that browsers show', async () => {
  const clear = picture(300, 300, 4)
  for (const format of ['png', 'webp', 'avif', 'gif'] as const) {
    const bytes = await clear.clone().toFormat(format).toBuffer()
    const answer = await thumbnail(bob, await upload(alice, bytes, { type: `image/${format}` }))
    assert.equal(answer.headers.get('content-type'), 'image/png', format)
    assert.equal((await sharp(answer.bytes).metadata()).hasAlpha, true, format)
  }
})

test('moving pictures move where that is wanted', async () => {
  for (const format of ['gif', 'webp'] as const) {
    const bytes = await movingPicture(200, 100, 5).toFormat(format).toBuffer()
    const mxc = await upload(alice, bytes, { type: `image/${format}` })
    const size = { width: 64, height: 64, method: 'crop' }
    const moving = await thumbnail(bob, mxc, { ...size, animated: true })
    assert.equal(moving.headers.get('content-type'), 'image/webp')
    const facts = await sharp(moving.bytes, { animated: true }).metadata()
    assert.deepEqual([facts.pages, facts.width, facts.pageHeight], [5, 64, 64])
    for (const query of [{ ...size, animated: false }, size]) {
      const still = await thumbnail(bob, mxc, query)
      assert.match(still.headers.get('content-type') ?? '', /^image\/(jpeg|png)$/)
      assert.equal((await sharp(still.bytes).metadata()).pages ?? 1, 1)
    }
  }
  const still = await upload(alice, await picture(200, 200).jpeg().toBuffer(), { type: 'image/jpeg' })
  const answer = await thumbnail(bob, still, { width: 64, height: 64, animated: true })
  assert.equal(answer.headers.get('content-type'), 'image/jpeg')
})

/** A PNG that claims a size and has next to no data. */
function liar(width: number, height: number): Buffer {
  const bytes = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  )
  bytes.writeUInt32BE(width, 16)
  bytes.writeUInt32BE(height, 20)
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29)
  return bytes
}

test('pictures that would take too much memory are refused before they are opened', async () => {
  const real = await picture(2100, 2000).png().toBuffer()
  assert.ok(real.length < 100_000)
  for (const bytes of [real, liar(60_000, 60_000)]) {
    const mxc = await upload(alice, bytes, { type: 'image/png' })
    const { status, errcode } = await thumbnail(bob, mxc)
    assert.deepEqual([status, errcode], [413, 'M_TOO_LARGE'])
    assert.equal((await download(bob, mxc)).status, 200)
  }
  const moving = await movingPicture(1000, 1000, 12).gif().toBuffer()
  const mxc = await upload(alice, moving, { type: 'image/gif' })
  const made = await thumbnail(bob, mxc, { width: 64, height: 64, animated: true })
  assert.equal((await sharp(made.bytes, { animated: true }).metadata()).pages, 4)
})

test('what has no picture has no thumbnail', async () => {
  const jpeg = await picture(500, 500).jpeg().toBuffer()
  const cases: [bytes: string | Buffer, type: string][] = [
    ['text', 'text/plain'],
    ['', 'image/png'],
    ['<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', 'image/svg+xml'],
    ['<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>', 'image/svg+xml'],
    ['%PDF-1.4\n', 'application/pdf'],
    [Buffer.from('II*\0\u0008\0\0\0', 'latin1'), 'image/tiff'],
    [liar(100, 100), 'image/png'],
    [jpeg.subarray(0, 300), 'image/jpeg'],
    [Buffer.concat([jpeg.subarray(0, 20), Buffer.alloc(5000, 0xff)]), 'image/jpeg'],
  ]
  for (const [bytes, type] of cases) {
    const mxc = await upload(alice, bytes, { type })
    for (let time = 0; time < 2; time++) {
      const { status, errcode } = await thumbnail(bob, mxc)
      assert.deepEqual([status, errcode], [400, 'M_UNKNOWN'], type)
    }
  }
})

test('requests that make no sense are refused', async () => {
  const mxc = await upload(alice, await picture(100, 100).png().toBuffer(), { type: 'image/png' })
  const wrong: [query: Query, errcode: string][] = [
    [{ width: 1 }, 'M_MISSING_PARAM'],
    [{ width: 0, height: 5 }, 'M_INVALID_PARAM'],
    [{ width: -5, height: 5 }, 'M_INVALID_PARAM'],
    [{ width: 'x', height: 5 }, 'M_INVALID_PARAM'],
    [{ width: 1.5, height: 5 }, 'M_INVALID_PARAM'],
    [{ width: 5, height: 5, method: 'stretch' }, 'M_INVALID_PARAM'],
  ]
  for (const [query, errcode] of wrong) assert.equal((await thumbnail(bob, mxc, query)).errcode, errcode)
  assert.equal((await thumbnail(bob, mxc, { width: 1, height: 1 })).status, 200)
  const missing = await thumbnail(bob, 'mxc://localhost/nothing')
  assert.deepEqual([missing.status, missing.errcode], [404, 'M_NOT_FOUND'])
  const { content_uri } = await alice.post<{ content_uri: string }>('/_matrix/media/v1/create')
  const pending = await thumbnail(bob, content_uri, { width: 9, height: 9, timeout_ms: 0 })
  assert.deepEqual([pending.status, pending.errcode], [504, 'M_NOT_YET_UPLOADED'])
  const legacy = await getMedia({ baseUrl: server.url }, `/_matrix/media/v3/thumbnail/${placeOf(mxc)}?width=9&height=9`)
  assert.deepEqual([legacy.status, legacy.errcode], [404, 'M_NOT_FOUND'])
})

async function sizes(server: TestServer) {
  return server.context.db.read(async (reader) => ({
    blobs: (await reader.qb.selectFrom('media_blobs').select('blob_nid').execute()).length,
    thumbnails: (await reader.qb.selectFrom('media_thumbnails').select('variant').execute()).length,
    files: mediaFiles(server.dataDir).length,
  }))
}

testOnEngines('a thumbnail is made once, and goes with its picture', async (_t, { engine }) => {
  await using own = await createTestServer({ engine })
  const carol = await own.user('carol')
  const dave = await own.user('dave')
  const mxc = await upload(carol, await picture(900, 900).jpeg().toBuffer(), { type: 'image/jpeg' })
  const asked = [90, 91, 96, 90, 90, 600].map((width) => thumbnail(dave, mxc, { width, height: width, method: 'crop' }))
  const answers = await Promise.all(asked)
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
  assert.equal(new Set(answers.map(({ headers }) => headers.get('etag'))).size, 2)
  assert.deepEqual(await sizes(own), { blobs: 3, thumbnails: 2, files: 3 })
  await own.context.db.write('erase', (tx) => own.context.accounts.users.deactivate(tx, carol.userId, true))
  await own.context.jobs.drain()
  assert.deepEqual(await sizes(own), { blobs: 0, thumbnails: 0, files: 0 })
  assert.equal((await thumbnail(dave, mxc)).errcode, 'M_NOT_FOUND')
})

/** An ffmpeg of our own on PATH until the test ends: a shell script. */
function fakeFfmpeg(t: { after(fn: () => void): void }, script: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringback-test-'))
  const path = process.env.PATH ?? ''
  writeFileSync(join(folder, 'ffmpeg'), script)
  chmodSync(join(folder, 'ffmpeg'), 0o755)
  process.env.PATH = `${folder}${delimiter}${path}`
  t.after(() => {
    process.env.PATH = path
    rmSync(folder, { recursive: true })
  })
  return folder
}

const video = Buffer.concat([Buffer.from('0000002066747970697a6f6d0000020069736f6d', 'hex'), Buffer.alloc(500)])
video.write('isom', 8, 'latin1')

test('videos have a poster where there is an ffmpeg', async (t) => {
  const folder = fakeFfmpeg(t, '')
  const poster = join(folder, 'poster.png')
  await picture(640, 360).png().toFile(poster)
  const lists =
    'case "$1" in -formats) echo " D  mov,mp4 x"; echo " DE matroska x"; echo "  E image2pipe x"; exit;; -encoders) exit;; esac'
  const script = `#!/bin/sh\n${lists}\necho "$(ulimit -v) $@" >> ${folder}/calls\nfor last; do :; done\ncp ${poster} "$last"\n`
  writeFileSync(join(folder, 'ffmpeg'), script)
  await using own = await createTestServer()
  const carol = await own.user('carol')
  const mxc = await upload(carol, video, { type: 'video/mp4' })
  const { status, bytes } = await thumbnail(carol, mxc, { width: 320, height: 320 })
  assert.equal(status, 200)
  assert.equal((await sharp(bytes).metadata()).width, 320)
  assert.equal((await thumbnail(carol, mxc)).status, 200)
  const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n')
  assert.equal(calls.length, 1)
  assert.match(calls[0] ?? '', /^1048576 .*-protocol_whitelist file -f mov .*-i \S+ /)
})

test('an ffmpeg that fails is a video without a poster', async (t) => {
  fakeFfmpeg(t, '#!/bin/sh\nexit 1\n')
  await using own = await createTestServer()
  const carol = await own.user('carol')
  const mxc = await upload(carol, video, { type: 'video/mp4' })
  assert.equal((await thumbnail(carol, mxc)).errcode, 'M_UNKNOWN')
  assert.deepEqual(mediaFiles(own.dataDir).length, 1)
})

test('without ffmpeg a video has no poster', async (t) => {
  const path = process.env.PATH
  process.env.PATH = '/nowhere'
  t.after(() => {
    process.env.PATH = path
  })
  await using own = await createTestServer()
  const carol = await own.user('carol')
  assert.equal((await thumbnail(carol, await upload(carol, video, { type: 'video/mp4' }))).errcode, 'M_UNKNOWN')
})
