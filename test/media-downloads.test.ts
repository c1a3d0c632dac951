import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import sharp from 'sharp'
import { at } from './helpers/client.ts'
import { download, getMedia, placeOf, upload } from './helpers/media.ts'
import { createTestServer } from './helpers/server.ts'

const server = await createTestServer()
after(() => server.stop())
const alice = await server.user('alice')
const bob = await server.user('bob')
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

test('what is uploaded can be downloaded by others', async () => {
  const bytes = randomBytes(300_000)
  const mxc = await upload(alice, bytes, { type: 'image/x-test', name: 'a photo.bin' })
  assert.match(mxc, /^mxc:\/\/localhost\/[A-Za-z0-9]{24}$/)
  const { status, headers, bytes: got } = await download(bob, mxc)
  assert.equal(status, 200)
  assert.ok(got.equals(bytes))
  assert.equal(headers.get('content-type'), 'image/x-test')
  assert.equal(headers.get('content-length'), '300000')
  assert.equal(headers.get('content-disposition'), 'attachment; filename="a photo.bin"')
  assert.match(headers.get('content-security-policy') ?? '', /^sandbox; default-src 'none'; script-src 'none';/)
  assert.equal(headers.get('cross-origin-resource-policy'), 'cross-origin')
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
  assert.equal(headers.get('access-control-allow-origin'), '*')
})

test('an empty file is a file', async () => {
  const { status, bytes, headers } = await download(bob, await upload(alice, ''))
  assert.deepEqual([status, bytes.length, headers.get('content-length')], [200, 0, '0'])
})

test('the name of the path wins, in any script', async () => {
  const mxc = await upload(alice, png, { type: 'image/png', name: 'ünï ☕.png' })
  const own = (await download(bob, mxc)).headers.get('content-disposition')
  assert.equal(own, 'inline; filename="_n_ _.png"; filename*=UTF-8\'\'%C3%BCn%C3%AF%20%E2%98%95.png')
  const path = `/_matrix/client/v1/media/download/${placeOf(mxc)}/${at`${'猫/../"x".png'}`}`
  const renamed = await getMedia(bob, path)
  assert.equal(renamed.status, 200)
  assert.equal(
    renamed.headers.get('content-disposition'),
    'inline; filename="_/../_x_.png"; filename*=UTF-8\'\'%E7%8C%AB%2F..%2F%22x%22.png',
  )
  assert.ok(renamed.bytes.equals(png))
  assert.equal((await download(bob, await upload(alice, 'x'))).headers.get('content-disposition'), 'attachment')
})

test('what could run a script is never shown in place', async () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
  const page = '<!doctype html><script>alert(1)</script>'
  const cases: [bytes: string | Buffer, type: string, served: string, kind: string][] = [
    [svg, 'image/svg+xml', 'image/svg+xml', 'attachment'],
    [page, 'text/html', 'text/html', 'attachment'],
    [page, 'application/xhtml+xml', 'application/xhtml+xml', 'attachment'],
    [page, 'image/png', 'application/octet-stream', 'attachment'],
    [svg, 'image/png', 'application/octet-stream', 'attachment'],
    [page, 'Text/HTML; x=image/png', 'Text/HTML; x=image/png', 'attachment'],
    [page, 'not a type', 'application/octet-stream', 'attachment'],
    [randomBytes(99), 'image/jpeg', 'application/octet-stream', 'attachment'],
    [png, 'video/mp4', 'application/octet-stream', 'attachment'],
    [png, 'image/png', 'image/png', 'inline'],
    ['plain', 'text/plain', 'text/plain', 'inline'],
  ]
  for (const [bytes, type, served, kind] of cases) {
    const { headers } = await download(bob, await upload(alice, bytes, { type, name: 'x' }))
    assert.equal(headers.get('content-type'), served, type)
    assert.equal(headers.get('content-disposition'), `${kind}; filename="x"`, type)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.match(headers.get('content-security-policy') ?? '', /^sandbox;/)
  }
})

test('parts are served, and nothing to those who have it', async () => {
  const bytes = randomBytes(1000)
  const mxc = await upload(alice, bytes)
  const whole = await download(bob, mxc)
  const etag = whole.headers.get('etag') ?? ''
  assert.match(etag, /^"[0-9a-f]{64}"$/)
  assert.equal(whole.headers.get('accept-ranges'), 'bytes')
  const part = await download(bob, mxc, { Range: 'bytes=10-19' })
  assert.equal(part.status, 206)
  assert.ok(part.bytes.equals(bytes.subarray(10, 20)))
  assert.equal(part.headers.get('content-range'), 'bytes 10-19/1000')
  assert.equal(part.headers.get('content-length'), '10')
  assert.ok((await download(bob, mxc, { Range: 'bytes=-7' })).bytes.equals(bytes.subarray(993)))
  assert.equal((await download(bob, mxc, { Range: 'bytes=0-1', 'If-Range': etag })).status, 206)
  assert.equal((await download(bob, mxc, { Range: 'bytes=0-1', 'If-Range': '"other"' })).status, 200)
  assert.equal((await download(bob, mxc, { Range: 'bytes=0-1,5-6' })).status, 200)
  const beyond = await download(bob, mxc, { Range: 'bytes=1000-' })
  assert.deepEqual([beyond.status, beyond.headers.get('content-range')], [416, 'bytes */1000'])
  for (const tags of [etag, `W/${etag}`, `"a", ${etag}`, '*']) {
    const had = await download(bob, mxc, { 'If-None-Match': tags })
    assert.deepEqual([had.status, had.bytes.length, had.headers.get('etag')], [304, 0, etag])
  }
  assert.equal((await download(bob, mxc, { 'If-None-Match': '"a"' })).status, 200)
})

test('HEAD tells what GET would send', async () => {
  const mxc = await upload(alice, 'twelve bytes', { type: 'text/plain' })
  const path = `/_matrix/client/v1/media/download/${placeOf(mxc)}`
  const part = await getMedia(bob, path, { method: 'HEAD', headers: { Range: 'bytes=0-1' } })
  assert.deepEqual([part.status, part.headers.get('content-length')], [200, '12'], 'ranges are for GET')
  const head = await getMedia(bob, path, { method: 'HEAD' })
  assert.equal(head.status, 200)
  assert.equal(head.bytes.length, 0)
  assert.deepEqual([head.headers.get('content-length'), head.headers.get('content-type')], ['12', 'text/plain'])
})

test('what is not there is not found, whatever it is called', async () => {
  const mxc = await upload(alice, 'x')
  const id = placeOf(mxc).split('/')[1] ?? ''
  const elsewhere = await getMedia(bob, `/_matrix/client/v1/media/download/localhost%3A1/${id}`)
  assert.deepEqual([elsewhere.status, elsewhere.errcode], [502, 'M_CONNECTION_FAILED'], 'a server that is nowhere')
  const places = ['localhost/nothing', 'localhost/..', 'not a server/x', 'localhost/a.b']
  const tricks = ['../../../../etc/passwd', '..%2f..%2fringback.db', '%00', 'a/b', '.'].map((x) => `localhost/${x}`)
  for (const place of [...places, ...tricks]) {
    const path = `/_matrix/client/v1/media/download/${place.split('/').map(encodeURIComponent).join('/')}`
    const { status, errcode } = await getMedia(bob, path)
    assert.ok(status === 404 || status === 400, `${place} -> ${status}`)
    assert.match(errcode ?? '', /^M_(NOT_FOUND|UNRECOGNIZED|INVALID_PARAM)$/, place)
  }
  for (const raw of ['localhost/..%2f..%2f..%2fetc%2fpasswd', 'localhost%2f/x']) {
    assert.equal((await getMedia(bob, `/_matrix/client/v1/media/download/${raw}`)).errcode, 'M_NOT_FOUND', raw)
  }
})

test('an access token is needed, and the old paths are closed', async () => {
  const mxc = await upload(alice, 'x')
  const nobody = { baseUrl: server.url }
  const place = placeOf(mxc)
  const answer = await getMedia(nobody, `/_matrix/client/v1/media/download/${place}`)
  assert.deepEqual([answer.status, answer.errcode], [401, 'M_MISSING_TOKEN'])
  for (const version of ['v3', 'r0']) {
    for (const path of [place, `${place}/name`]) {
      const old = await getMedia(nobody, `/_matrix/media/${version}/download/${path}`)
      assert.deepEqual([old.status, old.errcode], [404, 'M_NOT_FOUND'])
    }
  }
})

test('the old paths can be opened', async () => {
  await using open = await createTestServer({ config: { media: { allow_legacy_unauthenticated: true } } })
  const carol = await open.user('carol')
  const place = placeOf(await upload(carol, 'x', { type: 'text/plain', name: 'a.txt' }))
  const nobody = { baseUrl: open.url }
  for (const path of [`v3/download/${place}`, `r0/download/${place}?allow_redirect=true&allow_remote=false`]) {
    const { status, bytes, headers } = await getMedia(nobody, `/_matrix/media/${path}`)
    assert.deepEqual([status, bytes.toString()], [200, 'x'])
    assert.equal(headers.get('content-disposition'), 'inline; filename="a.txt"')
  }
  const named = await getMedia(nobody, `/_matrix/media/v3/download/${place}/b.txt`)
  assert.equal(named.headers.get('content-disposition'), 'inline; filename="b.txt"')
  const red = await sharp({ create: { width: 200, height: 100, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
  const picture = placeOf(await upload(carol, red, { type: 'image/png' }))
  const small = await getMedia(nobody, `/_matrix/media/v3/thumbnail/${picture}?width=32&height=32&method=crop`)
  const { width, height } = await sharp(small.bytes).metadata()
  assert.deepEqual([small.status, width, height], [200, 32, 32])
})

test('media of other servers is asked for once, and kept', async () => {
  await using reader = await createTestServer()
  const dave = await reader.user('dave')
  const asked: string[] = []
  const patience: number[] = []
  reader.context.media.useRemoteMedia(async ({ origin, mediaId }, { timeoutMs }) => {
    asked.push(`${origin}/${mediaId}`)
    patience.push(timeoutMs)
    if (mediaId === 'none') return undefined
    const size = mediaId === 'huge' ? 60 : 1
    async function* body() {
      for (let n = 0; n < size; n++) yield Buffer.alloc(1024 * 1024, n)
    }
    return { contentType: mediaId === 'odd' ? 'text/п\u0001' : 'text/plain', fileName: 'far.txt', body: body() }
  })
  const get = (place: string) => getMedia(dave, `/_matrix/client/v1/media/download/${place}`)
  const both = await Promise.all([get('far.example/abc'), get('far.example/abc')])
  for (const { status, bytes, headers } of [...both, await get('far.example/abc')]) {
    assert.deepEqual([status, bytes.length], [200, 1024 * 1024])
    assert.equal(headers.get('content-disposition'), 'inline; filename="far.txt"')
  }
  assert.deepEqual(asked, ['far.example/abc'])
  assert.equal((await get('far.example/none?timeout_ms=9007199254740991')).errcode, 'M_NOT_FOUND')
  assert.deepEqual(patience, [20_000, 50_000], 'nobody makes us wait for longer than proxies do')
  const huge = await get('far.example/huge')
  assert.deepEqual([huge.status, huge.errcode], [502, 'M_TOO_LARGE'])
  const odd = await get('far.example/odd')
  assert.deepEqual([odd.status, odd.headers.get('content-type')], [200, 'application/octet-stream'])
  assert.equal((await get('localhost/none')).errcode, 'M_NOT_FOUND')
  assert.deepEqual(asked, ['far.example/abc', 'far.example/none', 'far.example/huge', 'far.example/odd'])
})

test('guests may look, and no more', async () => {
  await using open = await createTestServer({ config: { registration: { guests: true } } })
  const mxc = await upload(await open.user('erin'), 'x')
  const { access_token } = await open.client.post<{ access_token: string }>(
    '/_matrix/client/v3/register?kind=guest',
    {},
  )
  const guest = { ...open.client.as(access_token), baseUrl: open.url, accessToken: access_token }
  assert.equal((await getMedia(guest, `/_matrix/client/v1/media/download/${placeOf(mxc)}`)).status, 200)
  for (const [method, path] of [
    ['POST', '/_matrix/media/v3/upload'],
    ['POST', '/_matrix/media/v1/create'],
    ['GET', '/_matrix/client/v1/media/config'],
  ] as const) {
    const { status, body } = await guest.request(method, path)
    assert.deepEqual([status, body.errcode], [403, 'M_GUEST_ACCESS_FORBIDDEN'])
  }
})
