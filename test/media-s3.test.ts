import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import sharp from 'sharp'
import { createLog } from '../src/util/log.ts'
import { download, getMedia, mediaFiles, placeOf, upload } from './helpers/media.ts'
import { startProgram, temporaryFolder } from './helpers/program.ts'
import { type ObjectStorage, s3Missing, startObjectStorage } from './helpers/s3.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'

const options = { skip: s3Missing }
const bucket = 'media'
let storage: ObjectStorage
let server: TestServer
let alice: TestUser
let bob: TestUser
const logged: Record<string, unknown>[] = []
const log = createLog({ level: 'info', format: 'json', write: (line) => void logged.push(JSON.parse(line)) })

before(async () => {
  if (s3Missing) return
  storage = await startObjectStorage()
  await storage.makeBucket(bucket)
  const media = { storage: storage.config(bucket, { timeout: '500ms' }) }
  server = await createTestServer({ log, config: { media } })
  alice = await server.user('alice')
  bob = await server.user('bob')
})
after(async () => {
  await server?.stop()
  await storage?.[Symbol.asyncDispose]()
})
beforeEach(() => {
  if (storage) storage.fault = () => undefined
})

const blobs = async () => (await storage.keys(bucket)).filter((key) => key !== 'ringback.json')
const rows = () =>
  server.context.db.read((reader) => reader.qb.selectFrom('media_blobs').select(['state', 'storage_key']).execute())
/** Deletes all that is there as the erasure of an account does. */
async function forget(mxc: string): Promise<void> {
  const { db } = server.context
  const mediaId = mxc.split('/').at(-1) ?? ''
  await db.write('forget', (tx) =>
    tx.qb
      .updateTable('media')
      .set({ state: 'pending', blob_nid: null, expires_ts: 1 })
      .where('media_id', '=', mediaId)
      .execute(),
  )
}

test('what is uploaded lies in the bucket alone, and comes back whole and in parts', options, async () => {
  for (const size of [1, 1000, 300_000, 20_000_000]) {
    const bytes = randomBytes(size)
    const mxc = await upload(alice, bytes, { name: 'a.bin' })
    const { status, bytes: got, headers } = await download(bob, mxc)
    assert.equal(status, 200)
    assert.ok(got.equals(bytes))
    assert.equal(headers.get('content-length'), String(size))
    if (size < 1000) continue
    const part = await download(bob, mxc, { Range: `bytes=${size - 100}-` })
    assert.equal(part.status, 206)
    assert.ok(part.bytes.equals(bytes.subarray(-100)))
  }
  assert.equal((await blobs()).length, 4)
  assert.deepEqual(mediaFiles(server.dataDir), [])
})

test('equal content is stored once', options, async () => {
  const count = (await blobs()).length
  const bytes = randomBytes(5000)
  await Promise.all(Array.from({ length: 4 }, () => upload(alice, bytes)))
  await server.context.jobs.drain()
  assert.equal((await blobs()).length, count + 1)
})

test('thumbnails are made of objects and are objects', options, async () => {
  const noise = {
    width: 900,
    height: 600,
    channels: 3 as const,
    noise: { type: 'gaussian' as const, mean: 128, sigma: 30 },
  }
  const picture = await sharp({ create: { ...noise, background: 'red' } })
    .jpeg()
    .toBuffer()
  const mxc = await upload(alice, picture, { type: 'image/jpeg' })
  const count = (await blobs()).length
  const path = `/_matrix/client/v1/media/thumbnail/${placeOf(mxc)}?width=96&height=96&method=crop`
  for (let n = 0; n < 2; n++) {
    const { status, bytes } = await getMedia(bob, path)
    assert.equal(status, 200)
    assert.equal((await sharp(bytes).metadata()).width, 96)
  }
  assert.equal((await blobs()).length, count + 1)
  assert.deepEqual(mediaFiles(server.dataDir), [])
})

test('a storage that is away is a Matrix error, leaves nothing, and the log says why', options, async () => {
  const mxc = await upload(alice, randomBytes(500_000))
  const before = await blobs()
  const known = (await rows()).length
  storage.fault = () => ({ status: 503, code: 'ServiceUnavailable' })
  logged.length = 0
  const answer = await alice.request<{ errcode: string; error: string }>('POST', '/_matrix/media/v3/upload', {
    body: new Uint8Array(randomBytes(1000)),
  })
  assert.deepEqual(
    [answer.status, answer.body.errcode, answer.body.error],
    [503, 'M_UNKNOWN', 'The storage of media does not answer, try again'],
  )
  const failed = await download(bob, mxc)
  assert.deepEqual([failed.status, failed.errcode], [503, 'M_UNKNOWN'])
  assert.match(JSON.stringify(logged), /answered with status 503 \(ServiceUnavailable\)/)
  assert.deepEqual(mediaFiles(server.dataDir), [])
  storage.fault = () => undefined
  assert.deepEqual(await blobs(), before)
  assert.equal((await download(bob, mxc)).status, 200)
  // The row of the failed upload goes with the sweep.
  await server.context.db.write('sweep', (tx) => server.context.jobs.enqueue(tx, 'media.sweep', {}))
  await server.context.jobs.drain()
  assert.equal((await rows()).length, known)
})

test('a slow storage holds up nobody else, and a client that goes away lets go of it', options, async () => {
  const bytes = randomBytes(3_000_000)
  const mxc = await upload(alice, bytes)
  storage.fault = ({ method }) => (method === 'GET' ? 'hang' : undefined)
  const leaving = new AbortController()
  const waiting = fetch(`${server.url}/_matrix/client/v1/media/download/${placeOf(mxc)}`, {
    headers: { Authorization: `Bearer ${bob.accessToken}` },
    signal: leaving.signal,
  })
  assert.equal((await server.client.request('GET', '/_matrix/client/versions')).status, 200)
  leaving.abort()
  await assert.rejects(waiting)
  assert.equal((await download(bob, mxc)).status, 503)
  storage.fault = () => undefined
  assert.ok((await download(bob, mxc)).bytes.equals(bytes))
  // Whoever stops reading half-way closes the request to the storage, too.
  const response = await fetch(`${server.url}/_matrix/client/v1/media/download/${placeOf(mxc)}`, {
    headers: { Authorization: `Bearer ${bob.accessToken}` },
  })
  await response.body?.cancel()
  while (storage.open > 0) await new Promise((resolve) => setImmediate(resolve))
})

test(
  'what the database has given up goes from the bucket, also when the storage was away in between',
  options,
  async () => {
    const mxc = await upload(alice, randomBytes(2000))
    const kept = await blobs()
    const row = (await rows()).at(-1)
    assert.ok(row && kept.includes(row.storage_key))
    await forget(mxc)
    const { db, jobs } = server.context
    await db.write('doom', (tx) =>
      tx.qb.updateTable('media_blobs').set({ state: 'doomed' }).where('storage_key', '=', row.storage_key).execute(),
    )
    storage.fault = ({ method }) => (method === 'DELETE' ? { status: 500, code: 'InternalError' } : undefined)
    const sweep = async () => {
      await db.write('sweep', (tx) => jobs.enqueue(tx, 'media.sweep', {}))
      await jobs.drain()
    }
    await sweep()
    assert.ok((await blobs()).includes(row.storage_key))
    assert.ok((await rows()).some(({ storage_key: key }) => key === row.storage_key))
    storage.fault = () => undefined
    await sweep()
    assert.ok(!(await blobs()).includes(row.storage_key))
    assert.ok(!(await rows()).some(({ storage_key: key }) => key === row.storage_key))
  },
)

test('objects that nothing knows of are swept away, and those of others stay', options, async () => {
  const before = await storage.keys(bucket)
  const orphan = `${'ab'.repeat(32)}-12345678`
  for (const Key of [orphan, 'notes.txt', `folder/${orphan}`]) {
    await storage.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'x' }))
  }
  const { db, jobs } = server.context
  await db.write('orphans', (tx) => jobs.enqueue(tx, 'media.orphans', {}))
  await jobs.drain()
  assert.deepEqual(await storage.keys(bucket), [...before, 'notes.txt', `folder/${orphan}`].sort())
})

test('a crash between the database and the bucket is cleaned up at the next start', options, async (t) => {
  await storage.makeBucket('crashes')
  const dataDir = temporaryFolder(t)
  const config = { media: { storage: storage.config('crashes', { prefix: '/some/place' }) } }
  let crashed = await createTestServer({ dataDir, config })
  const carol = await crashed.user('carol')
  const bytes = randomBytes(1000)
  const mxc = await upload(carol, bytes)
  const keys = await storage.keys('crashes')
  for (const state of ['storing', 'doomed'] as const) {
    for (const isThere of [true, false]) {
      const sha256 = randomBytes(32).toString('hex')
      const key = `${sha256}-crash`
      if (isThere)
        await storage.client.send(new PutObjectCommand({ Bucket: 'crashes', Key: `some/place/${key}`, Body: 'x' }))
      await crashed.context.db.write('crash', (tx) =>
        tx.qb.insertInto('media_blobs').values({ sha256, storage_key: key, size: 1, state, created_ts: 1 }).execute(),
      )
    }
  }
  await crashed.stop()
  assert.equal((await storage.keys('crashes')).length, keys.length + 2)
  crashed = await createTestServer({ dataDir, config })
  await crashed.context.jobs.drain()
  assert.deepEqual(await storage.keys('crashes'), keys)
  const reader = await crashed.login('carol')
  assert.ok((await download(reader, mxc)).bytes.equals(bytes))
  await crashed.stop()
  // A storage that is known and away does not keep the server from starting.
  storage.fault = () => ({ status: 503, code: 'ServiceUnavailable' })
  crashed = await createTestServer({ dataDir, config })
  assert.equal((await download(await crashed.login('carol'), mxc)).status, 503)
  storage.fault = () => undefined
  assert.equal((await download(await crashed.login('carol'), mxc)).status, 200)
  await crashed.stop()
})

test('a start that cannot work says why in one sentence and exits with 1', options, async (t) => {
  const start = async (others: Record<string, string>, dataDir = join(temporaryFolder(t), 'data')) => {
    const env = {
      RINGBACK__DATA_DIR: dataDir,
      RINGBACK__LISTENERS__0__PORT: '0',
      RINGBACK__LOG__LEVEL: 'silent',
      RINGBACK__MEDIA__STORAGE__KIND: 's3',
      RINGBACK__MEDIA__STORAGE__ENDPOINT: storage.endpoint,
      RINGBACK__MEDIA__STORAGE__BUCKET: bucket,
      RINGBACK__MEDIA__STORAGE__ACCESS_KEY_ID: 'test',
      RINGBACK__MEDIA__STORAGE__SECRET_ACCESS_KEY: 'test',
      ...others,
    }
    const { code, stderr } = await startProgram(['serve'], { env }).ended
    assert.equal(code, 1)
    return stderr
  }
  assert.equal(
    await start({ RINGBACK__MEDIA__STORAGE__BUCKET: 'missing' }),
    `There is no bucket "missing" at ${storage.endpoint}; create it, or correct media.storage.bucket.\n`,
  )
  assert.match(await start({}), /^The bucket "media" at \S+ holds the media of another Ringback database; set another/)
  assert.match(
    await start({ RINGBACK__MEDIA__STORAGE__ENDPOINT: 'http://127.0.0.1:9' }),
    /^http:\/\/127\.0\.0\.1:9 cannot be reached \(ECONNREFUSED\); check media\.storage\.endpoint\.\n$/,
  )
  storage.fault = () => ({ status: 403, code: 'InvalidAccessKeyId' })
  assert.match(await start({}), /refuses the credentials of media\.storage \(InvalidAccessKeyId\)/)
  storage.fault = () => undefined
  // The media of this database are elsewhere.
  const dataDir = temporaryFolder(t)
  const before = await createTestServer({ dataDir })
  await before.stop()
  assert.match(
    await start({ RINGBACK__MEDIA__STORAGE__PREFIX: 'x/' }, dataDir),
    /^The media of this database are in files, but media\.storage\.kind is "s3"; set it back, or stop the server and run "ringback media migrate --to s3"\.\n$/,
  )
  assert.deepEqual(readdirSync(join(dataDir, 'media')).sort(), ['tmp'])
})
