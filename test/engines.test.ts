import assert from 'node:assert/strict'
import { migrate } from '../src/db/migrate.ts'
import { openDatabase } from '../src/db/open.ts'
import { createTestClock } from '../src/util/clock.ts'
import { testOnEngines } from './helpers/engines.ts'

testOnEngines('every migration runs on an empty database, once', async (_t, { engine, url }) => {
  const db = openDatabase(url)
  try {
    assert.equal(db.engine, engine)
    await migrate(db, createTestClock())
    const list = () => db.read((r) => r.qb.selectFrom('schema_migrations').select('number').orderBy('number').execute())
    const before = await list()
    assert.ok(before.length > 0)
    await migrate(db, createTestClock())
    assert.deepEqual(await list(), before)
  } finally {
    await db.close()
  }
})
