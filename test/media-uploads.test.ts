import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { after, test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import { testOnEngines } from './helpers/engines.ts'
import { download, getMedia, mediaFiles, placeOf, upload } from './helpers/media.ts'
import { sendRaw } from './helpers/raw-http.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

const limit = 200_000
const server = await createTestServer({ config: { media: { max_upload: limit } } })
after(() => server.stop())
const alice = await server.user('alice')
const bob = await server.user('bob')
const path = '/_matrix/media/v3/upload'

test('clients are told how much they may send', async () => {
  for (const path of ['client/v1/media/config', 'media/v3/config', 'media/r0/config']) {
    assert.deepEqual(await alice.get(`/_matrix/${path}`), { 'm.upload.size': limit })
  }
})

test('the same content is stored once', async () => {
  const bytes = randomBytes(1000)
  const name = createHash('sha256').update(bytes).digest('hex')
  const mxcs = await Promise.all([upload(alice, bytes), upload(bob, bytes), upload(bob, bytes, { type: 'a/b' })])
  mxcs.push(await upload(alice, bytes))
  assert.equal(new Set(mxcs).size, 4)
  for (const mxc of mxcs) assert.ok((await download(alice, mxc)).bytes.equals(bytes))
  await server.context.jobs.drain()
  const files = mediaFiles(server.dataDir)
  assert.equal(files.filter((file) => file.startsWith(name)).length, 1, files.join())
})

/** Sends a request with a body that does not end, or not as announced; resolves with the status, undefined where none came. */
function send(
  user: TestUser,
  {
    headers = {},
    chunks,
    end,
  }: { headers?: Record<string, string>; chunks: Iterable<Buffer>; end: boolean | 'hang up' },
): Promise<{ status: number; errcode: string } | undefined> {
  return new Promise((resolve) => {
    const outgoing = request(user.baseUrl + path, {
      method: 'POST',
      headers: { Authorization: `Bearer ${user.accessToken}`, ...headers },
    })
    outgoing.on('response', (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, errcode: JSON.parse(text).errcode }))
    })
    outgoing.on('error', () => resolve(undefined))
    for (const chunk of chunks) outgoing.write(chunk)
    if (end === 'hang up') outgoing.write('', () => outgoing.destroy())
    else if (end) outgoing.end()
    else outgoing.flushHeaders()
  })
}

function* pieces(count: number): Generator<Buffer> {
  for (let n = 0; n < count; n++) yield randomBytes(10_000)
}

test('what is too large is refused while it comes, and nothing stays', async () => {
  const before = mediaFiles(server.dataDir)
  const exact = await upload(alice, randomBytes(limit))
  assert.equal((await download(bob, exact)).bytes.length, limit)
  const refused = { status: 413, errcode: 'M_TOO_LARGE' }
  // Announced and sent; far too large to be waited for; not announced; not announced and without end.
  assert.deepEqual(
    await send(alice, { headers: { 'Content-Length': '210000' }, chunks: pieces(21), end: true }),
    refused,
  )
  assert.deepEqual(await send(alice, { headers: { 'Content-Length': '9999999' }, chunks: [], end: false }), refused)
  assert.deepEqual(await send(alice, { chunks: pieces(21), end: true }), refused)
  assert.deepEqual(await send(alice, { chunks: pieces(41), end: false }), refused)
  assert.equal(mediaFiles(server.dataDir).length, before.length + 1)
})

test('an upload that is cut off leaves nothing behind', async () => {
  const before = mediaFiles(server.dataDir)
  const cut = send(alice, { headers: { 'Content-Length': '100000' }, chunks: pieces(5), end: 'hang up' })
  assert.equal(await cut, undefined)
  assert.equal(await send(alice, { chunks: pieces(5), end: 'hang up' }), undefined)
  // Both connections are gone; what the server still had to do is done before it has answered this.
  for (let tries = 0; tries < 100 && mediaFiles(server.dataDir).length > before.length; tries++)
    await upload(alice, 'x')
  assert.ok(mediaFiles(server.dataDir).length <= before.length + 1)
})

test('more than was announced is another request, and not part of the file', async () => {
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${alice.accessToken}\r\nContent-Length: 3\r\n\r\n`
  const next = 'GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
  const text = await sendRaw(server.url, `${head}abc${next}`)
  assert.match(text, /"versions":/)
  const mxc = /"content_uri":"([^"]+)"/.exec(text)?.[1] ?? assert.fail(text)
  assert.equal((await download(bob, mxc)).bytes.toString(), 'abc')
})

test('an upload is tied to nothing but its token', async () => {
  const body = new Uint8Array(3)
  const { status, body: answer } = await server.client.request('POST', path, { body })
  assert.deepEqual([status, answer.errcode], [401, 'M_MISSING_TOKEN'])
  const { content_uri } = await alice.post<{ content_uri: string }>(path, body, {
    query: { filename: '../../../x\0y' },
  })
  assert.equal((await download(bob, content_uri)).headers.get('content-disposition'), 'inline; filename="../../../xy"')
})

test('types and amounts can be limited', async () => {
  const clock = createTestClock()
  await using strict = await createTestServer({
    clock,
    config: {
      media: {
        quotas: [{ max: 1000 }, { max: 400, within: '1h' }],
        refused_types: ['application/x-msdownload', 'Video/*', 'application/zip'],
      },
    },
  })
  const carol = await strict.user('carol')
  const attempt = async (bytes: Buffer, type = 'application/octet-stream') => {
    const options = { body: new Uint8Array(bytes), headers: { 'Content-Type': type } }
    const { status, body } = await carol.request('POST', path, options)
    return status === 200 ? 200 : `${status} ${body.errcode}`
  }
  const forbidden = '403 M_FORBIDDEN'
  assert.equal(await attempt(Buffer.from('MZ'), 'application/x-msdownload; x=y'), forbidden)
  assert.equal(await attempt(Buffer.from('x'), 'VIDEO/mp4'), forbidden)
  assert.equal(await attempt(Buffer.from('504b030414000000080000000000', 'hex')), forbidden)
  assert.deepEqual(mediaFiles(strict.dataDir), [])
  assert.equal(await attempt(randomBytes(300)), 200)
  assert.equal(await attempt(randomBytes(300)), forbidden)
  assert.equal(await attempt(randomBytes(100)), 200)
  for (let hour = 0; hour < 2; hour++) {
    clock.advance(3_600_001)
    assert.equal(await attempt(randomBytes(hour === 0 ? 400 : 300)), hour === 0 ? 200 : forbidden)
  }
  assert.equal(await attempt(randomBytes(200)), 200)
  assert.equal(mediaFiles(strict.dataDir).length, 4)
})

test('a quota counts what is on its way, announced or not, until it is given up', async (t) => {
  await using strict = await createTestServer({ config: { media: { quotas: [{ max: 3_000_000 }] } } })
  const carol = await strict.user('carol')
  const begin = async (headers: Record<string, string>, bytes: number) => {
    const outgoing = request(carol.baseUrl + path, {
      method: 'POST',
      headers: { Authorization: `Bearer ${carol.accessToken}`, ...headers },
    })
    t.after(() => outgoing.destroy())
    const answered = new Promise<number>((resolve) => {
      outgoing.on('response', (response) => resolve(response.resume().statusCode ?? 0))
      outgoing.on('error', () => resolve(0))
    })
    const before = mediaFiles(strict.dataDir).length
    outgoing.write(randomBytes(bytes))
    while (mediaFiles(strict.dataDir).length === before) await new Promise(setImmediate)
    return { outgoing, answered }
  }
  const attempt = async (bytes: number) =>
    (await carol.request('POST', path, { body: new Uint8Array(randomBytes(bytes)) })).status
  const first = await begin({ 'Content-Length': '2000000' }, 1000)
  assert.equal(await attempt(1_500_000), 403)
  assert.equal(await attempt(500_000), 200)
  const second = await begin({}, 1000)
  second.outgoing.write(randomBytes(1_000_000))
  assert.equal(await second.answered, 403)
  const third = await begin({}, 1000)
  third.outgoing.end()
  assert.equal(await third.answered, 200)
  first.outgoing.destroy()
  for (let status = 0; status !== 200; status = await attempt(1_500_000)) await new Promise(setImmediate)
})

testOnEngines('whoever is erased takes their media along, but not that of others', async (_t, { engine }) => {
  await using strict = await createTestServer({ engine })
  const carol = await strict.user('carol')
  const dave = await strict.user('dave')
  const shared = randomBytes(500)
  const gone = [await upload(carol, shared), await upload(carol, randomBytes(500))]
  const kept = await upload(dave, shared)
  await strict.context.db.write('erase', (tx) => strict.context.accounts.users.deactivate(tx, carol.userId, true))
  await strict.context.jobs.drain()
  for (const mxc of gone) assert.equal((await download(dave, mxc)).errcode, 'M_NOT_FOUND')
  assert.ok((await download(dave, kept)).bytes.equals(shared))
  assert.equal(mediaFiles(strict.dataDir).length, 1)
})

test('suspended users upload nothing', async () => {
  const { accounts, db } = server.context
  const erin = await server.user('erin')
  await db.write('suspend', (tx) => accounts.users.setFlags(tx, erin.userId, { isSuspended: true }))
  for (const place of [path, '/_matrix/media/v1/create']) {
    const { status, body } = await erin.request('POST', place, { body: 'x' })
    assert.deepEqual([status, body.errcode], [403, 'M_USER_SUSPENDED'])
  }
  assert.equal(
    (await getMedia(erin, `/_matrix/client/v1/media/download/${placeOf(await upload(bob, 'x'))}`)).status,
    200,
  )
})
