import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import SQLite from 'better-sqlite3'
import { download, mediaFiles, upload } from './helpers/media.ts'
import { temporaryFolder } from './helpers/program.ts'
import { createTestServer, type TestUser } from './helpers/server.ts'
import { startServerProcess } from './helpers/server-process.ts'
import { smallDisk, smallDiskMissing } from './helpers/small-disk.ts'

const path = '/_matrix/media/v3/upload'

function attempt(user: TestUser, bytes: Buffer) {
  return user.request<{ content_uri: string; error?: string }>('POST', path, { body: new Uint8Array(bytes) })
}

test('a full disk refuses uploads, keeps nothing of them and serves what it has', {
  skip: smallDiskMissing,
}, async (t) => {
  const disk = smallDisk(t, 24)
  const server = await startServerProcess(t, { dataDir: join(disk.path, 'data') })
  const alice = await server.register('alice')
  const first = randomBytes(1_000_000)
  const mxc = await upload(alice, first)
  const before = mediaFiles(server.dataDir)
  disk.fill()
  for (let n = 0; n < 3; n++) {
    const { status, body } = await attempt(alice, randomBytes(1_000_000))
    assert.deepEqual([status, body.error], [507, 'The disk of the server is full'])
  }
  assert.deepEqual(mediaFiles(server.dataDir), before)
  assert.ok((await download(alice, mxc)).bytes.equals(first))
  disk.free()
  const again = randomBytes(1_000_000)
  assert.ok((await download(alice, await upload(alice, again))).bytes.equals(again))
})

test('a disk that becomes full in the middle of a file keeps nothing of it, and takes the next', {
  skip: smallDiskMissing,
}, async (t) => {
  const disk = smallDisk(t, 24)
  const server = await startServerProcess(t, { dataDir: join(disk.path, 'data') })
  const alice = await server.register('alice')
  const kept = randomBytes(1_000_000)
  const mxc = await upload(alice, kept)
  const before = mediaFiles(server.dataDir)
  const { body, status } = await attempt(alice, randomBytes(40_000_000))
  assert.deepEqual([status, body.error], [507, 'The disk of the server is full'])
  assert.deepEqual(mediaFiles(server.dataDir), before)
  const next = randomBytes(2_000_000)
  assert.ok((await download(alice, await upload(alice, next))).bytes.equals(next))
  assert.ok((await download(alice, mxc)).bytes.equals(kept))
})

test('what a crash left between the database and the files is cleaned up at the next start', async (t) => {
  const dataDir = temporaryFolder(t)
  let server = await createTestServer({ dataDir })
  const alice = await server.user('alice')
  const bytes = randomBytes(1000)
  const mxc = await upload(alice, bytes)
  await server.stop()
  const kept = mediaFiles(dataDir)
  const database = new SQLite(join(dataDir, 'ringback.db'))
  const insert = database.prepare(
    'insert into media_blobs (sha256, storage_key, size, state, created_ts) values (?, ?, 3, ?, 1)',
  )
  for (const [state, hasFile] of [
    ['storing', true],
    ['storing', false],
    ['doomed', true],
    ['doomed', false],
  ] as const) {
    const sha256 = createHash('sha256').update(randomBytes(9)).digest('hex')
    const key = `${sha256}-${state}`
    insert.run(sha256, key, state)
    const file = join(dataDir, 'media/blobs', key.slice(0, 2), key)
    mkdirSync(dirname(file), { recursive: true })
    if (hasFile) writeFileSync(file, 'abc')
  }
  database.close()
  writeFileSync(join(dataDir, 'media/tmp/half'), 'ab')
  assert.equal(mediaFiles(dataDir).length, kept.length + 3)
  server = await createTestServer({ dataDir })
  await server.context.jobs.drain()
  assert.deepEqual(mediaFiles(dataDir), kept)
  const rows = await server.context.db.read((reader) => reader.qb.selectFrom('media_blobs').select('state').execute())
  assert.deepEqual(rows, [{ state: 'stored' }])
  const { accessToken } = await server.login('alice')
  assert.ok((await download({ ...alice, baseUrl: server.url, accessToken }, mxc)).bytes.equals(bytes))
  await server.stop()
})

test('a server that is killed keeps what it acknowledged, and no more', async (t) => {
  let server = await startServerProcess(t)
  const alice = await server.register('alice')
  const acknowledged: [mxc: string, bytes: Buffer][] = []
  const send = async () => {
    for (;;) {
      const bytes = randomBytes(20_000)
      acknowledged.push([await upload(alice, bytes), bytes])
      if (acknowledged.length === 30) await server.kill()
    }
  }
  await Promise.all(Array.from({ length: 8 }, () => assert.rejects(send())))
  server = await startServerProcess(t, { dataDir: server.dataDir })
  const reader = { ...alice, baseUrl: server.url }
  for (const [mxc, bytes] of acknowledged) assert.ok((await download(reader, mxc)).bytes.equals(bytes))
  await server.stop()
  const database = new SQLite(join(server.dataDir, 'ringback.db'))
  const keys = database.prepare('select storage_key from media_blobs order by storage_key').pluck().all()
  database.close()
  assert.deepEqual(readdirSync(join(server.dataDir, 'media/tmp')), [])
  assert.deepEqual(mediaFiles(server.dataDir), keys)
  assert.ok(keys.length >= acknowledged.length)
})
