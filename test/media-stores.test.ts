import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { type BlobStore, BlobStoreError } from '../src/media/blob-store.ts'
import { createFileBlobStore } from '../src/media/file-blob-store.ts'
import { createS3BlobStore } from '../src/media/s3/s3-blob-store.ts'
import { createSpool } from '../src/media/spool.ts'
import { systemClock } from '../src/util/clock.ts'
import { silentLog } from '../src/util/log.ts'
import { temporaryFolder } from './helpers/program.ts'
import { s3Missing, startObjectStorage } from './helpers/s3.ts'

const cleanups: (() => void)[] = []
after(() => {
  for (const cleanup of cleanups) cleanup()
})
const folder = temporaryFolder({ after: (fn) => cleanups.push(fn) })
const spoolFolder = join(folder, 'spool')
const spool = createSpool(spoolFolder)
await spool.clear()

const storage = s3Missing ? undefined : await startObjectStorage()
after(() => storage?.[Symbol.asyncDispose]())
await storage?.makeBucket('bucket')

function s3Store(options: Parameters<NonNullable<typeof storage>['options']>[1] = {}): BlobStore {
  assert.ok(storage)
  return createS3BlobStore({
    options: storage.options('bucket', options),
    spool,
    clock: systemClock,
    log: silentLog,
  })
}

const stores: [name: string, create: () => BlobStore, skip: string | false][] = [
  ['files', () => createFileBlobStore(join(folder, 'blobs')), false],
  ['s3', s3Store, s3Missing],
  ['s3 under a prefix', () => s3Store({ prefix: 'matrix/media/' }), s3Missing],
]

const keyOf = (sha256: string) => `${sha256}-${randomBytes(4).toString('hex')}`

async function put(store: BlobStore, bytes: Buffer): Promise<string> {
  await using file = await spool.write([bytes])
  const key = keyOf(file.sha256)
  await store.put(key, file)
  return key
}

async function read(store: BlobStore, key: string, start: number, end: number): Promise<Buffer | undefined> {
  const found = await store.open(key, { start, end })
  return found instanceof Readable ? buffer(found) : found && Buffer.from(found)
}

async function keysOf(store: BlobStore): Promise<string[]> {
  const keys: string[] = []
  for await (const page of store.list()) keys.push(...page)
  return keys.sort()
}

for (const [name, create, skip] of stores) {
  test(`${name}: what is put can be read, in whole and in part, lent and measured`, { skip }, async () => {
    const store = create()
    // The largest takes several parts, the last of which is short.
    for (const size of [0, 1, 1000, 131_072, 131_073, 2_000_000, 35_000_000]) {
      const bytes = randomBytes(size)
      const key = await put(store, bytes)
      assert.equal(await store.sizeOf(key), size)
      if (size > 0) assert.ok((await read(store, key, 0, size - 1))?.equals(bytes), `${size}`)
      for (const [start, end] of [
        [0, 0],
        [Math.floor(size / 2), size - 1],
        [17, size - 3],
      ] as const) {
        if (start > end || end >= size) continue
        assert.ok((await read(store, key, start, end))?.equals(bytes.subarray(start, end + 1)), `${size} ${start}`)
      }
      const lent = await store.useFile(key, async (path) => readFileSync(path))
      assert.ok(lent?.equals(bytes))
      await store.delete(key)
    }
    assert.deepEqual(readdirSync(spoolFolder), [])
    store.close()
  })

  test(`${name}: what is not there is undefined, and deleted twice`, { skip }, async () => {
    const store = create()
    const key = await put(store, randomBytes(200_000))
    for (let n = 0; n < 2; n++) {
      await store.delete(key)
      assert.equal(await read(store, key, 0, 199_999), undefined)
      assert.equal(await read(store, key, 0, 9), undefined)
      assert.equal(await store.sizeOf(key), undefined)
      assert.equal(await store.useFile(key, async () => 'lent'), undefined)
    }
    store.close()
  })

  test(`${name}: all keys are listed, and nothing that is not ours`, { skip }, async () => {
    const store = create()
    const keys = await Promise.all(Array.from({ length: 12 }, () => put(store, randomBytes(10))))
    assert.deepEqual(await keysOf(store), keys.sort())
    for (const key of keys) await store.delete(key)
    assert.deepEqual(await keysOf(store), [])
    store.close()
  })

  test(`${name}: a stream that is not wanted any more can be left, and a program that fails leaves no copy`, {
    skip,
  }, async () => {
    const store = create()
    const key = await put(store, randomBytes(5_000_000))
    for (let n = 0; n < 20; n++) {
      const stream = await store.open(key, { start: 0, end: 4_999_999 })
      assert.ok(stream instanceof Readable)
      if (n % 2) await stream[Symbol.asyncIterator]().next()
      stream.destroy()
    }
    await assert.rejects(
      store.useFile(key, async () => Promise.reject(new Error('no picture'))),
      /no picture/,
    )
    assert.deepEqual(readdirSync(spoolFolder), [])
    await store.delete(key)
    store.close()
  })
}

test('s3: reading goes on where a connection broke off, and gives up where it keeps breaking', {
  skip: s3Missing,
}, async () => {
  assert.ok(storage)
  const store = s3Store()
  const bytes = randomBytes(1_000_000)
  const key = await put(store, bytes)
  let broken = 0
  const isRead = (method: string) => method === 'GET' && ++broken
  storage.fault = ({ method }) => (isRead(method) && broken <= 3 ? { cutAfter: 200_000 } : undefined)
  assert.ok((await read(store, key, 0, 999_999))?.equals(bytes))
  assert.equal(broken, 4)
  storage.fault = ({ method }) => (method === 'GET' ? { cutAfter: 0 } : undefined)
  await assert.rejects(read(store, key, 0, 999_999), BlobStoreError)
  storage.fault = () => undefined
  store.close()
})

test('s3: a request that fails for a moment is repeated, also one with a file', { skip: s3Missing }, async () => {
  assert.ok(storage)
  const store = s3Store()
  for (const size of [1000, 40_000_000]) {
    let failures = 0
    storage.fault = ({ method }) => (method === 'PUT' && failures++ < 2 ? { status: 503, code: 'SlowDown' } : undefined)
    const bytes = randomBytes(size)
    const key = await put(store, bytes)
    storage.fault = () => undefined
    assert.ok((await read(store, key, 0, size - 1))?.equals(bytes))
    await store.delete(key)
  }
  store.close()
})

test('s3: an upload in parts that fails leaves no parts, and one that was cut off leaves them to the sweep', {
  skip: s3Missing,
}, async () => {
  assert.ok(storage)
  const store = s3Store()
  storage.fault = ({ method, url }) =>
    method === 'PUT' && url.includes('partNumber=2') ? { status: 500, code: 'InternalError' } : undefined
  await assert.rejects(put(store, randomBytes(40_000_000)), /answered with status 500 \(InternalError\)/)
  assert.equal(await storage.unfinishedUploads('bucket'), 0)
  storage.fault = ({ method, url }) =>
    (method === 'PUT' && url.includes('partNumber=2')) || method === 'DELETE'
      ? { status: 500, code: 'InternalError' }
      : undefined
  await assert.rejects(put(store, randomBytes(40_000_000)), BlobStoreError)
  storage.fault = () => undefined
  assert.equal(await storage.unfinishedUploads('bucket'), 1)
  // moto says of every upload that it began in November 2010.
  await store.tidy(Date.UTC(2010, 0))
  assert.equal(await storage.unfinishedUploads('bucket'), 1)
  await store.tidy(systemClock.now() + 3_600_000)
  assert.equal(await storage.unfinishedUploads('bucket'), 0)
  store.close()
})

test('s3: a storage that says nothing is given up in time, and its connections are let go', {
  skip: s3Missing,
}, async () => {
  assert.ok(storage)
  const store = s3Store({ timeoutMs: 200 })
  storage.fault = () => 'hang'
  await assert.rejects(read(store, keyOf('a'.repeat(64)), 0, 9), /cannot be reached \(TimeoutError\)/)
  await assert.rejects(put(store, randomBytes(10)), BlobStoreError)
  storage.fault = () => undefined
  store.close()
})

test('s3: mistakes of the configuration are one sentence that says what to correct', { skip: s3Missing }, async () => {
  assert.ok(storage)
  const claim = async (options: Parameters<typeof s3Store>[0] = {}) => {
    const store = s3Store(options)
    await store.claim('me', { isNew: true }).finally(store.close)
  }
  await assert.rejects(claim({ bucket: 'nowhere' }), {
    name: 'StartupError',
    message: `There is no bucket "nowhere" at ${storage.endpoint}; create it, or correct media.storage.bucket.`,
  })
  await assert.rejects(claim({ endpoint: 'http://127.0.0.1:9' }), {
    name: 'BlobStoreError',
    message: 'http://127.0.0.1:9 cannot be reached (ECONNREFUSED); check media.storage.endpoint.',
  })
  for (const [status, code, expected] of [
    [403, 'InvalidAccessKeyId', /refuses the credentials of media.storage \(InvalidAccessKeyId\)/],
    [403, 'SignatureDoesNotMatch', /correct access_key_id and secret_access_key/],
    [403, 'AccessDenied', /may not use the bucket "bucket"/],
    [301, 'PermanentRedirect', /is not in the region "us-east-1"; correct media.storage.region/],
  ] as const) {
    storage.fault = () => ({ status, code })
    await assert.rejects(claim(), (error: Error) => error.name === 'StartupError' && expected.test(error.message))
  }
  storage.fault = () => undefined
})

test('s3: a place belongs to one database', { skip: s3Missing }, async () => {
  const [store, other] = [s3Store({ prefix: 'one/' }), s3Store({ prefix: 'two/' })]
  assert.equal(await store.claim('me', { isNew: false }), false)
  assert.equal(await store.claim('me', { isNew: true }), true)
  assert.equal(await store.claim('me', { isNew: false }), true)
  assert.equal(await other.claim('somebody', { isNew: true }), true)
  await assert.rejects(
    store.claim('somebody', { isNew: true }),
    /holds the media of another Ringback database under "one\/"/,
  )
  await store.abandon()
  assert.equal(await store.claim('somebody', { isNew: true }), true)
  store.close()
  other.close()
})
