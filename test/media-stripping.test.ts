import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { crc32 } from 'node:zlib'
import sharp from 'sharp'
import { ffmpegMissing, makeRecording, type recordings } from './helpers/ffmpeg.ts'
import { download, mediaFiles } from './helpers/media.ts'
import { temporaryFolder } from './helpers/program.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const server = await createTestServer({ config: { media: { thumbnails: { max_pixels: 1_000_000 } } } })
after(() => server.stop())
const alice = await server.user('alice')

interface Answer {
  content_uri: string
  errcode?: string
}

async function send(
  user: TestUser,
  bytes: Buffer | string,
  type: string,
  query: Record<string, string> = { strip_metadata: 'true' },
) {
  const body = new Uint8Array(Buffer.from(bytes))
  const options = { body, query, headers: { 'Content-Type': type } }
  return user.request<Answer>('POST', '/_matrix/media/v3/upload', options)
}

async function kept(
  user: TestUser,
  bytes: Buffer | string,
  type: string,
  query?: Record<string, string>,
): Promise<Buffer> {
  const { status, body } = await send(user, bytes, type, query)
  assert.equal(status, 200, JSON.stringify(body))
  const file = await download(user, body.content_uri)
  assert.equal(file.headers.get('content-length'), String(file.bytes.length))
  return file.bytes
}

const secret = 'Secret Place'
const gps = { IFD0: { Copyright: secret }, IFD3: { GPSLatitude: '51/1 30/1 0/1' } }

/** Red on the left, blue on the right, with an `orientation` and a place. */
function photo(format: 'jpeg' | 'webp' | 'tiff' | 'png' | 'avif') {
  const half = (background: string) => ({ create: { width: 60, height: 80, channels: 3 as const, background } })
  return sharp({ create: { width: 120, height: 80, channels: 3, background: 'red' } })
    .composite([{ input: half('blue'), left: 60, top: 0 }])
    .toFormat(format)
    .withExif(gps)
}

test('photos lose their place, and stay upright and colourful', async () => {
  for (const format of ['jpeg', 'webp', 'tiff', 'png', 'avif'] as const) {
    const bytes = await photo(format).withIccProfile('p3').withMetadata({ orientation: 6 }).withExif(gps).toBuffer()
    // Of TIFF the library here writes no tags.
    assert.equal(bytes.includes(secret), format !== 'tiff', format)
    const result = await kept(alice, bytes, `image/${format}`)
    assert.ok(!result.includes(secret), format)
    const { exif, xmp, orientation, icc, width, height, format: kind } = await sharp(result).metadata()
    assert.deepEqual([exif, xmp, orientation ?? 1], [undefined, undefined, 1], format)
    const before = await sharp(bytes).metadata()
    assert.equal(icc === undefined, before.icc === undefined, format)
    assert.equal(kind, format === 'avif' ? 'heif' : format)
    assert.deepEqual({ width, height }, before.autoOrient, format)
    // Turned clockwise, what was on the left is on top.
    const [red = 0, , blue = 0] = await sharp(result).extract({ left: 5, top: 5, width: 1, height: 1 }).raw().toBuffer()
    assert.ok(red > 150 && blue < 100, `${format}: ${red} ${blue}`)
  }
})

test('what tells nothing stays as it is, and so does everything unless somebody asks', async () => {
  const plain = await sharp({ create: { width: 20, height: 20, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer()
  assert.ok((await kept(alice, plain, 'image/jpeg')).equals(plain))
  const telling = await photo('jpeg').toBuffer()
  assert.ok((await kept(alice, telling, 'image/jpeg', {})).equals(telling))
  assert.ok((await kept(alice, telling, 'image/jpeg', { strip_metadata: 'false' })).equals(telling))
})

test('moving pictures go on moving', async () => {
  const frames = [0, 90, 180].map((grey) => Buffer.alloc(40 * 30 * 3, grey))
  const strip = { raw: { width: 40, height: 90, channels: 3 as const, pageHeight: 30 } }
  const moving = sharp(Buffer.concat(frames), strip)
    .webp({ delay: [100, 200, 300], loop: 2 })
    .withExif(gps)
  const bytes = await moving.toBuffer()
  assert.ok(bytes.includes(secret))
  const result = await kept(alice, bytes, 'image/webp')
  assert.ok(!result.includes(secret))
  const { pages, delay, loop } = await sharp(result, { animated: true }).metadata()
  assert.deepEqual([pages, delay, loop], [3, [100, 200, 300], 2])
})

function chunk(name: string, data: Buffer | string): Buffer {
  const body = Buffer.concat([Buffer.from(name), Buffer.from(data)])
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length - 4)
  const tail = Buffer.alloc(4)
  tail.writeUInt32BE(crc32(body))
  return Buffer.concat([head, body, tail])
}

test('moving PNGs lose texts, and keep every frame to the byte', async () => {
  const png = await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
  const [start, rest] = [png.subarray(0, 33), png.subarray(33)]
  const control = Buffer.from('0000000100000000', 'hex')
  const frame = Buffer.from('0000000000000009000000090000000000000000006403e80000', 'hex')
  const clean = Buffer.concat([start, chunk('acTL', control), chunk('fcTL', frame), rest])
  const end = clean.length - 12
  const telling = Buffer.concat([
    clean.subarray(0, 33),
    chunk('tEXt', `Comment\0${secret}`),
    clean.subarray(33, end),
    chunk('eXIf', `MM\0*${secret}`),
    clean.subarray(end),
    Buffer.from(`PK ${secret}`),
  ])
  assert.ok((await kept(alice, telling, 'image/apng')).equals(clean))
  assert.ok((await kept(alice, clean, 'image/apng')).equals(clean))
  const cut = await send(alice, telling.subarray(0, 120), 'image/apng')
  assert.deepEqual([cut.status, cut.body.errcode], [400, 'M_UNKNOWN'])
})

test('recordings lose their place, and nothing of what is seen and heard', { skip: ffmpegMissing }, async (t) => {
  const folder = temporaryFolder(t)
  const names: (keyof typeof recordings)[] = [
    'video.mp4',
    'video.webm',
    'sound.ogg',
    'sound.mp3',
    'sound.flac',
    'sound.wav',
  ]
  const sound = (path: string) => execFileSync('ffmpeg', ['-v', 'error', '-i', path, '-map', '0:a', '-f', 'md5', '-'])
  for (const name of names) {
    const plain = makeRecording(folder, name)
    const telling = join(folder, `telling-${name}`)
    const marks = ['-metadata', `title=${secret}`, '-metadata', `comment=${secret}`, '-metadata:s', `title=${secret}`]
    execFileSync('ffmpeg', ['-v', 'error', '-i', plain, '-c', 'copy', ...marks, telling])
    const bytes = readFileSync(telling)
    assert.ok(bytes.includes(secret), name)
    const result = await kept(alice, bytes, name.startsWith('video') ? `video/${name.slice(6)}` : 'audio/x-test')
    assert.ok(!result.includes(secret), name)
    assert.ok(!result.includes('+51.5'), name)
    const path = join(folder, `result-${name}`)
    writeFileSync(path, result)
    assert.deepEqual(sound(path).toString(), sound(telling).toString(), name)
  }
})

test('what cannot be cleaned is refused, and nothing of it stays', async () => {
  const before = mediaFiles(server.dataDir)
  const huge = await sharp({ create: { width: 1100, height: 1000, channels: 3, background: 'red' } })
    .jpeg()
    .withExif(gps)
    .toBuffer()
  const broken = await photo('jpeg').toBuffer()
  const noise = createHash('sha256').update('noise').digest()
  const cases: [bytes: Buffer | string, type: string][] = [
    [huge, 'image/jpeg'],
    [broken.subarray(0, broken.length - 200), 'image/jpeg'],
    ['%PDF-1.4\n', 'application/pdf'],
    ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'image/svg+xml'],
    [noise, 'application/octet-stream'],
  ]
  for (const [bytes, type] of cases) {
    const { status, body } = await send(alice, bytes, type)
    assert.deepEqual([status, body.errcode], [400, 'M_UNKNOWN'], type)
  }
  assert.deepEqual(mediaFiles(server.dataDir), before)
})

test('a server may clean all files that it knows how to clean', async () => {
  await using own = await createTestServer({ config: { media: { strip_metadata: true } } })
  const carol = await own.user('carol')
  const telling = await photo('jpeg').toBuffer()
  for (const query of [undefined, 'false']) {
    assert.ok(
      !(await kept(carol, telling, 'image/jpeg', query === undefined ? {} : { strip_metadata: query })).includes(
        secret,
      ),
    )
  }
  assert.equal((await kept(carol, 'text', 'text/plain', {})).toString(), 'text')
  const { body } = await carol.request<Answer>('POST', '/_matrix/media/v1/create')
  const path = body.content_uri.replace('mxc://', '/_matrix/media/v3/upload/')
  const headers = { 'Content-Type': 'image/jpeg' }
  assert.equal((await carol.request('PUT', path, { body: new Uint8Array(telling), headers })).status, 200)
  assert.ok(!(await download(carol, body.content_uri)).bytes.includes(secret))
  assert.equal(await contents(own), 2)
})

/** Both photos are one content: what is hashed is what is kept. */
async function contents({ context }: TestServer): Promise<number> {
  const rows = await context.db.read((reader) => reader.qb.selectFrom('media_blobs').select('sha256').execute())
  return rows.length
}
