import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { after, beforeEach, test } from 'node:test'
import { crc32, createDeflate, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import sharp from 'sharp'
import { createLog } from '../src/util/log.ts'
import { download, getMedia, mediaFiles, placeOf, upload } from './helpers/media.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

const lines: string[] = []
const log = createLog({ level: 'info', format: 'json', write: (line) => lines.push(line) })
const server = await createTestServer({ log, config: { media: { thumbnails: { max_pixels: 4_000_000 } } } })
after(() => server.stop())
const mallory = await server.user('mallory')
const bob = await server.user('bob')
beforeEach(() => void lines.splice(0))

const MiB = 1024 * 1024

function thumbnail(mxc: string, query = 'width=64&height=64&animated=true') {
  return getMedia(bob, `/_matrix/client/v1/media/thumbnail/${placeOf(mxc)}?${query}`)
}

/** Runs something, and returns by how much the memory of this process, server included, grew meanwhile. */
async function growthDuring(task: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss()
  let most = before
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
  }, 5)
  await task().finally(() => clearInterval(watch))
  return Math.max(most, process.memoryUsage.rss()) - before
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name), data])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(data.length)
  frame.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
}

const redPng = await sharp({ create: { width: 50, height: 50, channels: 3, background: 'red' } })
  .png()
  .toBuffer()
/** A part of a PNG that becomes 200 MiB when it is unpacked. */
const packed = await pack(200)

/** Piece by piece, so that this process is no larger afterwards. */
async function pack(megabytes: number): Promise<Buffer> {
  const zeros = Buffer.alloc(MiB)
  const pieces: Buffer[] = []
  for await (const piece of Readable.from(Array<Buffer>(megabytes).fill(zeros)).pipe(createDeflate({ level: 9 }))) {
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** As many frames as asked for, on a canvas as large as asked for, in a few bytes each. */
function gif(width: number, height: number, frames: number): Buffer {
  const head = Buffer.from('47494638396100000000800000ff000000ff00', 'hex')
  head.writeUInt16LE(width, 6)
  head.writeUInt16LE(height, 8)
  const frame = (n: number) => {
    const bytes = Buffer.from('21f904040a0000002c000000000a000a00000208848fa9cbed0fa36300', 'hex')
    bytes.writeUInt8(n % 2, 9)
    return bytes
  }
  return Buffer.concat([head, ...Array.from({ length: frames }, (_, n) => frame(n)), Buffer.from(';')])
}

const lol = Array.from({ length: 12 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join('')
const laughs = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY l0 "lol">${lol}]><svg xmlns="http://www.w3.org/2000/svg"><text>&l12;</text></svg>`

test('what grows when it is opened does not grow here', { timeout: 60_000 }, async () => {
  const withPart = (name: string, prefix: string) =>
    Buffer.concat([
      redPng.subarray(0, 33),
      chunk(name, Buffer.concat([Buffer.from(prefix, 'latin1'), packed])),
      redPng.subarray(33),
    ])
  const bombs: [bytes: Buffer | string, type: string, statuses: number[]][] = [
    [withPart('zTXt', 'Comment\0\0'), 'image/png', [200, 400]],
    [withPart('iCCP', 'profile\0\0'), 'image/png', [200, 400]],
    [withPart('iTXt', 'Comment\0\u0001\0\0\0'), 'image/png', [200, 400]],
    // Its canvas is taken to be as large as its frames.
    [gif(60_000, 60_000, 3), 'image/gif', [200]],
    [gif(2040, 2040, 3), 'image/gif', [413]],
    [gif(1900, 1900, 3000), 'image/gif', [200]],
    [gif(12, 12, 20_000), 'image/gif', [200]],
    [laughs, 'image/svg+xml', [400]],
    [gzipSync(Buffer.alloc(50 * MiB)), 'image/svg+xml', [400]],
    [gzipSync(Buffer.alloc(50 * MiB)), 'application/gzip', [400]],
  ]
  // The first picture brings the library with it.
  await thumbnail(await upload(mallory, redPng, { type: 'image/png' }))
  for (const [bytes, type, statuses] of bombs) {
    const mxc = await upload(mallory, bytes, { type })
    const growth = await growthDuring(async () => {
      const { status } = await thumbnail(mxc)
      assert.ok(statuses.includes(status), `${type} of ${bytes.length}: ${status}`)
      await server.context.jobs.drain()
    })
    assert.ok(growth < 150 * MiB, `${type} of ${bytes.length}: ${Math.round(growth / MiB)} MiB`)
  }
})

test('a packed body is a file like any other', async () => {
  const body = new Uint8Array(gzipSync(Buffer.alloc(10 * MiB)))
  const headers = { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' }
  const { content_uri } = await mallory.post<{ content_uri: string }>('/_matrix/media/v3/upload', body, { headers })
  const { bytes, headers: answered } = await download(bob, content_uri)
  assert.ok(bytes.equals(Buffer.from(body)))
  assert.equal(answered.get('content-encoding'), null)
})

test('files that are two things at once are sent as one, and as nothing that acts', async () => {
  const script = '<script>alert(1)</script>'
  const jpeg = await sharp(redPng).jpeg().toBuffer()
  const zip = Buffer.concat([Buffer.from('PK\u0003\u0004'), Buffer.alloc(26)])
  const files: [bytes: Buffer, type: string, served: string, kind: string][] = [
    [Buffer.from(`GIF89a/*${script}*/=1;`), 'image/gif', 'image/gif', 'inline'],
    [Buffer.from(`GIF89a/*${script}*/=1;`), 'text/javascript', 'text/javascript', 'attachment'],
    [Buffer.concat([jpeg, Buffer.from(script)]), 'text/html', 'text/html', 'attachment'],
    [Buffer.concat([redPng, zip]), 'image/png', 'image/png', 'inline'],
    [Buffer.concat([redPng, zip]), 'application/java-archive', 'application/java-archive', 'attachment'],
    [Buffer.concat([Buffer.from(`%PDF-1.4 ${script}`), jpeg]), 'image/jpeg', 'application/octet-stream', 'attachment'],
    [Buffer.from(`#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n`), 'video/mp4', 'video/mp4', 'inline'],
  ]
  for (const [bytes, type, served, kind] of files) {
    const { headers } = await download(bob, await upload(mallory, bytes, { type }))
    assert.deepEqual([headers.get('content-type'), headers.get('content-disposition')], [served, kind], type)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.match(headers.get('content-security-policy') ?? '', /^sandbox; default-src 'none'; script-src 'none'/)
  }
})

test('names cannot leave their header', async () => {
  const names = [
    'a"; filename="b.html',
    'a\r\nSet-Cookie: x=y',
    '\u202Egnp.exe',
    '..\\..\\x',
    '%2e%2e%2f',
    `${'n'.repeat(5000)}.png`,
  ]
  for (const name of names) {
    const { status, headers } = await download(bob, await upload(mallory, 'x', { name }))
    const disposition = headers.get('content-disposition') ?? ''
    assert.equal(status, 200)
    assert.equal(headers.get('set-cookie'), null)
    assert.match(disposition, /^attachment; filename="[^"]*"(?:; filename\*=UTF-8''[\w%.~!#$&+^`|-]+)?$/, disposition)
    assert.ok(disposition.length < 2000)
  }
})

test('whatever is broken in a picture, nobody sees an error of the server', { timeout: 90_000 }, async () => {
  const pictures = await Promise.all(
    (['jpeg', 'png', 'gif', 'webp', 'avif', 'tiff'] as const).map(async (format) => ({
      type: `image/${format}`,
      bytes: await sharp(redPng)
        .resize(24, 24)
        .toFormat(format)
        .withExif({ IFD0: { Copyright: 'me' } })
        .toBuffer(),
    })),
  )
  const damage = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), {
    minLength: 1,
    maxLength: 8,
  })
  const before = mediaFiles(server.dataDir).length
  let kept = 0
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...pictures),
      damage,
      fc.double({ min: 0.3, max: 1, noNaN: true }),
      async ({ type, bytes }, wounds, rest) => {
        const broken = Buffer.from(bytes.subarray(0, Math.ceil(bytes.length * rest)))
        for (const [place, value] of wounds)
          broken[Math.min(broken.length - 1, Math.floor(place * broken.length))] = value
        const stripped = await mallory.request('POST', '/_matrix/media/v3/upload', {
          body: new Uint8Array(broken),
          query: { strip_metadata: 'true' },
          headers: { 'Content-Type': type },
        })
        assert.ok(stripped.status === 200 || stripped.status === 400, `${stripped.status} ${broken.toString('base64')}`)
        const mxc = await upload(mallory, broken, { type })
        const { status } = await thumbnail(mxc)
        assert.ok([200, 400, 413].includes(status), `${status} ${broken.toString('base64')}`)
        assert.equal((await getMedia(bob, `/_ringback/v1/media/info/${placeOf(mxc)}`)).status, 200)
        kept++
      },
    ),
    { numRuns: 60 },
  )
  await server.context.jobs.drain()
  assert.ok(kept > 0 && mediaFiles(server.dataDir).length > before)
  assert.deepEqual(
    lines.filter((line) => JSON.parse(line).level >= 40),
    [],
  )
})

test('the log says why there is no thumbnail', async () => {
  const mxc = await upload(mallory, redPng.subarray(0, redPng.length - 30), { type: 'image/png' })
  assert.equal((await thumbnail(mxc)).status, 400)
  const line = lines.map((text) => JSON.parse(text)).find(({ msg }) => /cannot be read|could not be made/.test(msg))
  assert.match(line?.err?.message ?? '', /\w/, lines.join('\n'))
})

/** Asks for a file, and reads no more of it than its head. */
function readSlowly(user: TestUser, mxc: string): Promise<Socket> {
  const { hostname, port } = new URL(user.baseUrl)
  const socket = connect(Number(port), hostname)
  const path = `/_matrix/client/v1/media/download/${placeOf(mxc)}`
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${user.accessToken}\r\n\r\n`)
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('data', (data) => {
      socket.pause()
      assert.match(data.toString('latin1'), /^HTTP\/1\.1 200 /)
      resolve(socket)
    })
  })
}

test('who reads slowly costs little, and holds up nobody', { timeout: 60_000 }, async () => {
  const large = Buffer.alloc(20 * MiB, 'slow')
  const mxc = await upload(mallory, large)
  const sockets: Socket[] = []
  const growth = await growthDuring(async () => {
    for (let n = 0; n < 30; n++) sockets.push(await readSlowly(mallory, mxc))
    const { bytes } = await download(bob, await upload(bob, 'quick'))
    assert.equal(bytes.toString(), 'quick')
  })
  assert.ok(growth < 100 * MiB, `${Math.round(growth / MiB)} MiB for ${(30 * large.length) / MiB}`)
  for (const socket of sockets) socket.destroy()
  assert.equal((await download(bob, mxc)).bytes.length, large.length)
})

test('who writes slowly holds up nobody, and leaves nothing', { timeout: 60_000 }, async () => {
  const { hostname, port } = new URL(server.url)
  const before = mediaFiles(server.dataDir).length
  const sockets = Array.from({ length: 30 }, () => {
    const socket = connect(Number(port), hostname)
    const head = `POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${mallory.accessToken}\r\n`
    socket.write(`${head}Content-Length: 1000000\r\n\r\nabc`)
    return socket
  })
  while (mediaFiles(server.dataDir).length < before + sockets.length) await new Promise(setImmediate)
  const mxc = await upload(bob, 'quick as well')
  assert.equal((await download(bob, mxc)).bytes.toString(), 'quick as well')
  for (const socket of sockets) socket.destroy()
  while (mediaFiles(server.dataDir).length > before + 1) await new Promise(setImmediate)
})
