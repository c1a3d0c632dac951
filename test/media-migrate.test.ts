import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import SQLite from 'better-sqlite3'
import { download, mediaFiles, upload } from './helpers/media.ts'
import { startProgram, temporaryFolder } from './helpers/program.ts'
import { type ObjectStorage, s3Missing, startObjectStorage } from './helpers/s3.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'

const options = { skip: s3Missing }
let storage: ObjectStorage
before(async () => {
  if (!s3Missing) storage = await startObjectStorage()
})
after(() => storage?.[Symbol.asyncDispose]())
beforeEach(() => {
  if (storage) storage.fault = () => undefined
})

interface Uploaded {
  readonly mxc: string
  readonly bytes: Buffer
}

/** A stopped server with a few files, and what runs the program on its data. */
async function setUp(t: { after(fn: () => void): void }, bucket: string) {
  await storage.makeBucket(bucket)
  const dataDir = temporaryFolder(t)
  const server = await createTestServer({ dataDir })
  const alice = await server.user('alice')
  const files: Uploaded[] = []
  for (const size of [1, 10, 1000, 200_000, 17_000_000]) {
    const bytes = randomBytes(size)
    files.push({ bytes, mxc: await upload(alice, bytes) })
  }
  files.push({ bytes: Buffer.alloc(0), mxc: await upload(alice, '') })
  await server.stop()
  const configFile = join(temporaryFolder(t), 'config.yaml')
  writeFileSync(configFile, JSON.stringify({ data_dir: dataDir, media: { storage: storage.config(bucket) } }))
  const start = (...args: string[]) => startProgram(['media', 'migrate', '--config', configFile, ...args])
  const objects = () => storage.keys(bucket)
  return { dataDir, files, start, objects, run: (...args: string[]) => start(...args).ended, bucket }
}

async function assertServed(dataDir: string, kind: 'files' | 's3', bucket: string, files: readonly Uploaded[]) {
  const media = kind === 's3' ? { storage: storage.config(bucket) } : {}
  const server = await createTestServer({ dataDir, config: { media } })
  try {
    const alice: TestUser = await server.login('alice')
    for (const { mxc, bytes } of files) {
      const { status, bytes: got } = await download(alice, mxc)
      assert.equal(status, 200)
      assert.ok(got.equals(bytes))
    }
  } finally {
    await server.stop()
  }
}

test('everything moves to the bucket and back, and nothing is left where it was', options, async (t) => {
  const { dataDir, files, run, objects, bucket } = await setUp(t, 'there-and-back')
  const names = mediaFiles(dataDir)
  const dry = await run('--to', 's3', '--dry-run')
  assert.deepEqual([dry.code, dry.stdout], [0, '6 files (17.2 MB) would be copied to s3.\n'])
  assert.deepEqual(await objects(), [])
  const there = await run('--to', 's3')
  assert.deepEqual(
    [there.code, there.stdout],
    [0, 'The media are in s3 now; set media.storage.kind to "s3" before you start the server.\n'],
  )
  assert.match(there.stderr, /^6 of 6 files, 6 copied \(17\.2 MB\)\n$/)
  assert.deepEqual(await objects(), [...names, 'ringback.json'].sort())
  assert.deepEqual(mediaFiles(dataDir), [])
  assert.ok(!existsSync(join(dataDir, 'media/blobs')))
  await assertServed(dataDir, 's3', bucket, files)
  // The configuration must follow.
  await assert.rejects(createTestServer({ dataDir }), /The media of this database are in s3, but media.storage.kind is/)
  assert.equal((await run('--to', 's3')).code, 0)
  assert.equal((await objects()).length, 7)
  const back = await run('--to', 'files')
  assert.equal(back.code, 0)
  assert.deepEqual(await objects(), [])
  assert.deepEqual(mediaFiles(dataDir), names)
  await assertServed(dataDir, 'files', bucket, files)
  assert.equal((await run('--to', 'files')).code, 0)
  assert.deepEqual(mediaFiles(dataDir), names)
})

test('killed in the middle of either step, the server works and the next run finishes', options, async (t) => {
  const { dataDir, files, start, run, objects, bucket } = await setUp(t, 'crashes')
  let calls = 0
  storage.fault = ({ method, url }) =>
    method === 'PUT' && !url.includes('ringback.json') && ++calls > 2 ? 'hang' : undefined
  const copying = start('--to', 's3')
  while (calls < 4) await new Promise((resolve) => setImmediate(resolve))
  copying.child.kill('SIGKILL')
  await copying.ended
  storage.fault = () => undefined
  assert.ok((await objects()).length > 1)
  await assertServed(dataDir, 'files', bucket, files)
  assert.equal((await run('--to', 's3')).code, 0)
  calls = 0
  // Back again, and killed while the objects are deleted: the database has changed by then.
  storage.fault = ({ method }) => (method === 'DELETE' && ++calls > 2 ? 'hang' : undefined)
  const deleting = start('--to', 'files')
  while (calls < 3) await new Promise((resolve) => setImmediate(resolve))
  deleting.child.kill('SIGKILL')
  await deleting.ended
  storage.fault = () => undefined
  assert.ok((await objects()).length > 1)
  await assertServed(dataDir, 'files', bucket, files)
  assert.equal((await run('--to', 'files')).code, 0)
  assert.deepEqual(await objects(), [])
  await assertServed(dataDir, 'files', bucket, files)
})

test('beside a server that runs everything is copied, and the rest is done when it has stopped', options, async (t) => {
  const { dataDir, files, run, objects, bucket } = await setUp(t, 'beside')
  const server = await createTestServer({ dataDir })
  const first = await run('--to', 's3')
  assert.equal(first.code, 1)
  assert.match(first.stdout, /^Everything is copied\. Stop the server and run this again/)
  const alice = await server.login('alice')
  const bytes = randomBytes(3000)
  files.push({ mxc: await upload(alice, bytes), bytes })
  await server.stop()
  const second = await run('--to', 's3')
  assert.match(second.stderr, /^7 of 7 files, 1 copied/)
  assert.equal(second.code, 0)
  assert.equal((await objects()).length, 8)
  await assertServed(dataDir, 's3', bucket, files)
})

test('damaged and missing files stop the move, unless they are left behind', options, async (t) => {
  const { dataDir, files, run, objects, bucket } = await setUp(t, 'damaged')
  const database = new SQLite(join(dataDir, 'ringback.db'))
  const keys = database.prepare('select storage_key from media_blobs order by blob_nid').pluck().all().map(String)
  database.close()
  const pathOf = (key = '') => join(dataDir, 'media/blobs', key.slice(0, 2), key)
  writeFileSync(pathOf(keys[2]), randomBytes(1000))
  rmSync(pathOf(keys[3]))
  const refused = await run('--to', 's3')
  assert.equal(refused.code, 1)
  assert.match(refused.stdout, /^2 files are missing or damaged, so that nothing was changed/)
  assert.ok(refused.stderr.includes(`The file ${keys[2]} is damaged`))
  assert.ok(refused.stderr.includes(`The file ${keys[3]} is missing.`))
  await assertServed(dataDir, 'files', bucket, files.slice(0, 2))
  const moved = await run('--to', 's3', '--skip-damaged')
  assert.equal(moved.code, 0)
  assert.match(moved.stderr, /Files that could not be moved and are where they were: 1\./)
  assert.deepEqual(mediaFiles(dataDir), [keys[2]])
  assert.equal((await objects()).length, 5)
  await assertServed(dataDir, 's3', bucket, [...files.slice(0, 2), ...files.slice(4)])
})

test('mistakes are one sentence', options, async (t) => {
  const { run, start, objects } = await setUp(t, 'mistakes')
  assert.deepEqual(await run('--to', 'tape'), { code: 2, stdout: '', stderr: '--to must be s3 or files.\n' })
  storage.fault = () => ({ status: 503, code: 'ServiceUnavailable' })
  const away = await start('--to', 's3').ended
  assert.deepEqual(
    [away.code, away.stderr],
    [1, `${storage.endpoint} answered with status 503 (ServiceUnavailable).\n`],
  )
  storage.fault = () => undefined
  assert.deepEqual(await objects(), [])
  const dataDir = temporaryFolder(t)
  const env = { RINGBACK__DATA_DIR: dataDir }
  const bare = await startProgram(['media', 'migrate', '--to', 's3'], { env, cwd: dataDir }).ended
  assert.deepEqual([bare.code, bare.stderr], [1, 'media.storage.bucket is missing: there is no object storage.\n'])
  assert.ok(!readdirSync(dataDir).includes('media') || readdirSync(join(dataDir, 'media')).length <= 1)
})
