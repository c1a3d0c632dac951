import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Database } from '../src/db/database.ts'
import { createJobs } from '../src/jobs/jobs.ts'
import type { BlobStore } from '../src/media/blob-store.ts'
import { type Blobs, createBlobs } from '../src/media/blobs.ts'
import { createSpool } from '../src/media/spool.ts'
import { createTestClock } from '../src/util/clock.ts'
import { silentLog } from '../src/util/log.ts'
import { emptyStore } from './helpers/blob-store.ts'
import { testOnDatabases } from './helpers/engines.ts'
import { temporaryFolder } from './helpers/program.ts'

/** A store in memory that fails on demand. */
function memoryStore() {
  const contents = new Map<string, Buffer>()
  const failing = { put: false, delete: false }
  const store: BlobStore = {
    ...emptyStore,
    put: async (key, { path }) => {
      contents.set(key, readFileSync(path))
      if (failing.put) throw new Error('the store is broken')
    },
    delete: async (key) => {
      if (failing.delete) throw new Error('the store is broken')
      contents.delete(key)
    },
  }
  return { contents, failing, store }
}

async function setUp(db: Database, t: { after(fn: () => void): void }) {
  const memory = memoryStore()
  const clock = createTestClock()
  const jobs = createJobs({ db, clock, log: silentLog })
  const blobs = createBlobs({ db, clock, log: silentLog, jobs, store: memory.store })
  const spool = createSpool(temporaryFolder(t))
  const keep = async (text: string, attach: Parameters<Blobs['keep']>[1] = async (_tx, blob) => blob.nid) => {
    await using file = await spool.write(
      (async function* () {
        yield Buffer.from(text)
      })(),
    )
    return (await blobs.keep(file, attach)) as number
  }
  const rows = () =>
    db.read((reader) => reader.qb.selectFrom('media_blobs').select(['state', 'sha256']).orderBy('sha256').execute())
  return { ...memory, clock, jobs, blobs, keep, rows }
}

const cleanup: (() => void)[] = []
const later = { after: (fn: () => void) => void cleanup.push(fn) }
process.on('exit', () => {
  for (const fn of cleanup) fn()
})

testOnDatabases('equal contents share their bytes, and go with the last use', async (db) => {
  const { contents, keep, blobs, jobs, rows } = await setUp(db, later)
  const [first, again, other] = [await keep('a'), await keep('a'), await keep('b')]
  assert.equal(first, again)
  assert.notEqual(first, other)
  assert.equal(contents.size, 2)
  const use = (nid: number, id: string) =>
    db.write('use', (tx) =>
      tx.qb
        .insertInto('media')
        .values({ origin: 'x', media_id: id, state: 'live', blob_nid: nid, size: 1, is_pinned: 0, created_ts: 0 })
        .execute(),
    )
  await use(first, 'one')
  await use(first, 'two')
  for (const [id, left] of [
    ['one', 2],
    ['two', 1],
  ] as const) {
    await db.write('stop using', async (tx) => {
      await tx.qb.deleteFrom('media').where('media_id', '=', id).execute()
      await blobs.release(tx, [first])
    })
    await jobs.drain()
    assert.equal(contents.size, left)
  }
  assert.deepEqual(await rows(), [{ state: 'stored', sha256: createHash('sha256').update('b').digest('hex') }])
})

testOnDatabases('uploads of equal content at one time end with one blob', async (db) => {
  const { contents, keep, jobs, rows } = await setUp(db, later)
  const numbers = await Promise.all(Array.from({ length: 5 }, () => keep('same')))
  assert.equal(new Set(numbers).size, 1)
  await jobs.drain()
  assert.equal(contents.size, 1)
  assert.deepEqual(
    (await rows()).map(({ state }) => state),
    ['stored'],
  )
})

testOnDatabases('content that nobody could attach or store leaves nothing', async (db) => {
  const { contents, failing, keep, rows } = await setUp(db, later)
  const refuse = async () => {
    throw new Error('the quota is used up')
  }
  await assert.rejects(keep('a', refuse), /quota/)
  failing.put = true
  await assert.rejects(keep('b'), /broken/)
  failing.put = false
  assert.equal(contents.size, 0)
  assert.deepEqual(await rows(), [])
  await keep('c')
  await assert.rejects(keep('c', refuse), /quota/)
  assert.equal(contents.size, 1)
})

testOnDatabases('bytes that could not be deleted are deleted later', async (db) => {
  const { contents, failing, keep, blobs, jobs, clock, rows } = await setUp(db, later)
  const nid = await keep('a')
  failing.delete = true
  await db.write('stop using', (tx) => blobs.release(tx, [nid]))
  await jobs.drain()
  assert.equal(contents.size, 1)
  // The same content comes again while the old bytes are doomed: it gets bytes of its own.
  const next = await keep('a')
  assert.notEqual(next, nid)
  failing.delete = false
  clock.advance(60_000)
  await jobs.drain()
  assert.equal(contents.size, 1)
  assert.deepEqual(
    (await rows()).map(({ state }) => state),
    ['stored'],
  )
})

testOnDatabases('a broken store leaves what the sweep finds', async (db) => {
  const { contents, failing, keep, blobs, clock, rows } = await setUp(db, later)
  failing.put = true
  failing.delete = true
  await assert.rejects(keep('a'), /broken/)
  assert.equal(contents.size, 1)
  failing.delete = false
  await blobs.sweep(AbortSignal.timeout(10_000), clock.now())
  assert.equal(contents.size, 0)
  assert.deepEqual(await rows(), [])
})
