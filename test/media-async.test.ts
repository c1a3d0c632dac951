import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Database } from '../src/db/database.ts'
import type { ServerName } from '../src/matrix/ids.ts'
import { createDownloads } from '../src/media/downloads.ts'
import { createUploadWaiters } from '../src/media/upload-waiters.ts'
import { createTestClock, type TestClock } from '../src/util/clock.ts'
import { testOnEngines } from './helpers/engines.ts'
import { getMedia, placeOf } from './helpers/media.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

/** A clock that tells when somebody has begun to wait, so that a test need not guess. */
function watchedClock() {
  const clock = createTestClock()
  let told: (() => void) | undefined
  const watched: TestClock = {
    ...clock,
    after: (ms, task) => {
      const cancel = clock.after(ms, task)
      told?.()
      return cancel
    },
  }
  return { clock: watched, nextTimer: () => new Promise<void>((resolve) => (told = resolve)) }
}

const { clock, nextTimer } = watchedClock()
const server = await createTestServer({ clock, config: { media: { max_pending_uploads: 3 } } })
after(() => server.stop())
const alice = await server.user('alice')
const bob = await server.user('bob')
const day = 24 * 60 * 60 * 1000

interface Created {
  content_uri: string
  unused_expires_at: number
}

const create = (user: TestUser) => user.post<Created>('/_matrix/media/v1/create')

async function put(user: TestUser, mxc: string, text: string) {
  const options = { body: text, query: { filename: 'a.txt' }, headers: { 'Content-Type': 'text/plain' } }
  const { status, body } = await user.request('PUT', `/_matrix/media/v3/upload/${placeOf(mxc)}`, options)
  return status === 200 ? 200 : `${status} ${body.errcode}`
}

const get = (user: TestUser, mxc: string, timeout = 0) =>
  getMedia(user, `/_matrix/client/v1/media/download/${placeOf(mxc)}?timeout_ms=${timeout}`)

test('an id is made first and filled later, once', async () => {
  const { content_uri: mxc, unused_expires_at: expires } = await create(alice)
  assert.equal(expires, clock.now() + day)
  const early = await get(bob, mxc)
  assert.deepEqual([early.status, early.errcode], [504, 'M_NOT_YET_UPLOADED'])
  assert.equal(await put(bob, mxc, 'mine'), '403 M_FORBIDDEN')
  assert.equal(await put(alice, mxc, 'hello'), 200)
  const late = await get(bob, mxc)
  assert.equal(late.bytes.toString(), 'hello')
  assert.equal(late.headers.get('content-disposition'), 'inline; filename="a.txt"')
  assert.equal(await put(alice, mxc, 'other'), '409 M_CANNOT_OVERWRITE_MEDIA')
  assert.equal((await get(bob, mxc)).bytes.toString(), 'hello')
})

test('of two uploads to one id one wins', async () => {
  const { content_uri: mxc } = await create(alice)
  const results = await Promise.all([put(alice, mxc, 'one'), put(alice, mxc, 'two')])
  assert.deepEqual(results.map(String).sort(), ['200', '409 M_CANNOT_OVERWRITE_MEDIA'])
  assert.equal((await get(bob, mxc)).bytes.toString(), results[0] === 200 ? 'one' : 'two')
})

test('a download waits for its upload', async () => {
  const { content_uri: mxc } = await create(alice)
  const waits = nextTimer()
  const waiting = get(bob, mxc, 20_000)
  await waits
  assert.equal(await put(alice, mxc, 'there'), 200)
  assert.equal((await waiting).bytes.toString(), 'there')
})

test('an upload that ends while a download looks for it is not missed', { timeout: 10_000 }, async () => {
  const { content_uri: mxc } = await create(alice)
  const { db, serverName } = server.context
  let looks = 0
  const slow: Pick<Database, 'read'> = {
    read: async (fn) => {
      const found = await db.read(fn)
      if (++looks === 1) assert.equal(await put(alice, mxc, 'in time'), 200)
      return found
    },
  }
  const downloads = createDownloads({
    db: { ...db, ...slow },
    clock,
    serverName,
    waiters: createUploadWaiters(clock),
    remote: { fetch: async () => false, use: () => {} },
    accesses: { usedMedia: () => {} },
  })
  const [origin = '', mediaId = ''] = placeOf(mxc).split('/')
  const { signal } = new AbortController()
  const options = { timeoutMs: 20_000, allowRemote: false, signal }
  const found = await downloads.find({ origin: origin as ServerName, mediaId }, options)
  assert.equal(found.blob.size, 7)
})

test('a download waits no longer than it is told, nor than is sensible', async () => {
  const { content_uri: mxc } = await create(alice)
  for (const [asked, waited] of [
    [5_000, 5_000],
    [900_000, 50_000],
  ] as const) {
    const waits = nextTimer()
    const waiting = get(bob, mxc, asked)
    await waits
    clock.advance(waited)
    assert.equal((await waiting).errcode, 'M_NOT_YET_UPLOADED')
  }
  for (const wrong of ['-1', 'x', '1.5']) {
    const path = `/_matrix/client/v1/media/download/${placeOf(mxc)}?timeout_ms=${wrong}`
    assert.equal((await getMedia(bob, path)).errcode, 'M_INVALID_PARAM')
  }
  assert.equal(await put(alice, mxc, 'late'), 200)
})

test('ids that nobody fills are limited and expire', async () => {
  const made = [await create(bob), await create(bob), await create(bob)]
  const refused = await bob.request('POST', '/_matrix/media/v1/create')
  assert.deepEqual([refused.status, refused.body.errcode], [429, 'M_LIMIT_EXCEEDED'])
  assert.equal(refused.body.retry_after_ms, day)
  await create(alice)
  const [first, second] = made
  assert.equal(await put(bob, first?.content_uri ?? '', 'x'), 200)
  await create(bob)
  clock.advance(day)
  const mxc = second?.content_uri ?? ''
  assert.equal((await get(alice, mxc)).errcode, 'M_NOT_FOUND')
  assert.equal(await put(bob, mxc, 'x'), '404 M_NOT_FOUND')
  await create(bob)
  assert.equal((await get(alice, first?.content_uri ?? '')).status, 200)
})

test('only ids that were made can be filled', async () => {
  for (const mxc of ['mxc://localhost/nothing', 'mxc://elsewhere.example/x', 'mxc://localhost/..%2fx', 'mxc://%00/x']) {
    assert.match(String(await put(alice, mxc, 'x')), /^(404 M_NOT_FOUND|400 M_INVALID_PARAM)$/)
  }
})

testOnEngines('the sweep forgets expired ids, and nothing else', async (_t, { engine }) => {
  const clock = createTestClock()
  await using swept = await createTestServer({ engine, clock })
  const carol = await swept.user('carol')
  const filled = (await create(carol)).content_uri
  assert.equal(await put(carol, filled, 'x'), 200)
  await create(carol)
  const count = () =>
    swept.context.db.read(async (reader) => (await reader.qb.selectFrom('media').select('media_id').execute()).length)
  assert.equal(await count(), 2)
  clock.advance(day)
  // The sweep is queued by a timer: its write is before ours.
  await swept.context.db.write('wait', async () => {})
  await swept.context.jobs.drain()
  assert.equal(await count(), 1)
  assert.equal((await get(carol, filled)).status, 200)
})
