import assert from 'node:assert/strict'
import type { Database } from '../src/db/database.ts'
import { migrate, SchemaError } from '../src/db/migrate.ts'
import { openStreams } from '../src/db/streams.ts'
import { createTestClock } from '../src/util/clock.ts'
import { testOnDatabases } from './helpers/engines.ts'

const put = (db: Database, name: string, fail = false) =>
  db.write(`put ${name}`, async (tx) => {
    await tx.qb.insertInto('server_facts').values({ name, value: name }).execute()
    if (fail) throw new Error(`${name} failed`)
    return name
  })

const names = (db: Database) =>
  db.read(async (reader) => {
    const rows = await reader.qb.selectFrom('server_facts').select('name').orderBy('name').execute()
    return rows.map((row) => row.name)
  })

testOnDatabases('writes of one group succeed and fail each for itself', async (db) => {
  const results = await Promise.allSettled([put(db, 'a'), put(db, 'b', true), put(db, 'c'), put(db, 'a'), put(db, 'd')])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
  )
  assert.deepEqual(await names(db), ['a', 'c', 'd'])
})

testOnDatabases('what is to run after a commit does not run when the write fails', async (db) => {
  const seen: string[] = []
  const write = (name: string, fail: boolean) =>
    db.write(name, async (tx) => {
      tx.afterCommit(() => seen.push(name))
      if (fail) throw new Error(name)
    })
  await Promise.allSettled([write('good', false), write('bad', true)])
  assert.deepEqual(seen, ['good'])
})

testOnDatabases('a nested read or write is an error, not a wait for ever', async (db) => {
  await assert.rejects(
    db.write('outer', () => put(db, 'x')),
    /inside write "outer"/,
  )
  await assert.rejects(
    db.write('outer', () => names(db)),
    /inside write "outer"/,
  )
  await assert.rejects(
    db.read(() => names(db)),
    /inside read/,
  )
})

testOnDatabases('a read keeps its snapshot while others write', async (db) => {
  await put(db, 'before')
  const begun = Promise.withResolvers<void>()
  const written = Promise.withResolvers<void>()
  const counts = db.read(async (reader) => {
    const count = async () => (await reader.qb.selectFrom('server_facts').selectAll().execute()).length
    const first = await count()
    begun.resolve()
    await written.promise
    return [first, await count()]
  })
  await begun.promise
  await put(db, 'after')
  written.resolve()
  assert.deepEqual(await counts, [1, 1])
  assert.deepEqual(await names(db), ['after', 'before'])
})

testOnDatabases('positions are given in the order of commits, without gaps for what failed', async (db) => {
  const streams = await openStreams(db)
  const wakes: number[] = []
  streams.subscribe(({ position }) => wakes.push(position))
  const take = (n: number, fail = false) =>
    db.write('take', async (tx) => {
      const last = await streams.allocate(tx, n)
      streams.notify(tx, { users: [] })
      if (fail) throw new Error('no')
      return last
    })
  const results = await Promise.allSettled([take(1), take(3, true), take(2), take(1)])
  const positions = results.map((result) => (result.status === 'fulfilled' ? result.value : undefined))
  assert.deepEqual(positions, [1, undefined, 3, 4])
  assert.deepEqual(wakes, [1, 3, 4])
  assert.equal(streams.position(), 4)
  assert.equal(await db.read((reader) => streams.positionIn(reader)), 4)
})

testOnDatabases('a database that is newer than the program is refused in words', async (db) => {
  await db.write('from the future', (tx) =>
    tx.qb
      .insertInto('schema_migrations')
      .values({ number: 9999, name: 'later', checksum: '', applied_ts: 0 })
      .execute()
      .then(() => {}),
  )
  await assert.rejects(migrate(db, createTestClock()), (error) => {
    assert.ok(error instanceof SchemaError)
    assert.match(error.message, /newer Ringback/)
    return true
  })
})

testOnDatabases('a migration that was changed after it ran is refused in words', async (db) => {
  await db.write('tamper', (tx) =>
    tx.qb
      .updateTable('schema_migrations')
      .set({ checksum: 'other' })
      .where('number', '=', 1)
      .execute()
      .then(() => {}),
  )
  await assert.rejects(migrate(db, createTestClock()), /Migration 1 "core"/)
})
