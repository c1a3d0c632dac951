import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Database } from '../src/db/database.ts'
import { backOff, createJobs } from '../src/jobs/jobs.ts'
import type { JsonObject } from '../src/matrix/event.ts'
import { yieldNow } from '../src/util/async.ts'
import { createTestClock } from '../src/util/clock.ts'
import { silentLog } from '../src/util/log.ts'
import { testOnDatabases } from './helpers/engines.ts'

function setUp(db: Database) {
  const clock = createTestClock()
  const seen: JsonObject[] = []
  const open = () => {
    const jobs = createJobs({ db, clock, log: silentLog })
    jobs.handle('note', async (payload) => void seen.push(payload))
    return jobs
  }
  return { clock, seen, open, jobs: open() }
}

testOnDatabases('a job is done once, and only if its cause was committed', async (db) => {
  const { seen, jobs } = setUp(db)
  await db.write('cause', (tx) => jobs.enqueue(tx, 'note', { n: 1 }))
  const failing = db.write('failing cause', async (tx) => {
    await jobs.enqueue(tx, 'note', { n: 2 })
    throw new Error('no')
  })
  await assert.rejects(failing)
  await jobs.drain()
  await jobs.drain()
  assert.deepEqual(seen, [{ n: 1 }])
})

testOnDatabases('a job outlives the process that queued it', async (db) => {
  const { seen, jobs, open } = setUp(db)
  await db.write('cause', (tx) => jobs.enqueue(tx, 'note', { n: 1 }))
  await open().drain()
  assert.deepEqual(seen, [{ n: 1 }])
})

testOnDatabases('a job waits for its time', async (db) => {
  const { clock, seen, jobs } = setUp(db)
  await db.write('cause', (tx) => jobs.enqueue(tx, 'note', { n: 1 }, { runAt: clock.now() + 1000 }))
  await jobs.drain()
  assert.deepEqual(seen, [])
  clock.advance(1000)
  await jobs.drain()
  assert.deepEqual(seen, [{ n: 1 }])
})

testOnDatabases('one job of a kind waits under a key', async (db) => {
  const { seen, jobs } = setUp(db)
  for (let n = 1; n <= 3; n++) await db.write('cause', (tx) => jobs.enqueue(tx, 'note', { n }, { key: 'k' }))
  await jobs.drain()
  await db.write('cause', (tx) => jobs.enqueue(tx, 'note', { n: 4 }, { key: 'k' }))
  await jobs.drain()
  assert.deepEqual(seen, [{ n: 1 }, { n: 4 }])
})

testOnDatabases('a job that fails is tried again, later each time, and says why', async (db) => {
  const { clock, jobs } = setUp(db)
  let tries = 0
  jobs.handle('flaky', async () => {
    tries++
    if (tries < 3) throw new Error(`try ${tries}`)
  })
  await db.write('cause', (tx) => jobs.enqueue(tx, 'flaky', {}))
  await jobs.drain()
  const waiting = await db.read((r) => r.qb.selectFrom('jobs').selectAll().executeTakeFirstOrThrow())
  assert.equal(waiting.last_error, 'Error: try 1')
  assert.equal(waiting.run_at, clock.now() + backOff(0))
  clock.advance(backOff(0))
  await jobs.drain()
  await jobs.drain()
  assert.equal(tries, 2)
  clock.advance(backOff(1))
  await jobs.drain()
  assert.equal(tries, 3)
  assert.deepEqual(await db.read((r) => r.qb.selectFrom('jobs').selectAll().execute()), [])
})

it('waits at most an hour between two tries', () => {
  assert.equal(backOff(50), 3_600_000)
})

testOnDatabases('a kind that takes long holds up no other', async (db) => {
  const { seen, jobs } = setUp(db)
  const slow = Promise.withResolvers<void>()
  const begun: JsonObject[] = []
  jobs.handle('slow', async (payload) => {
    begun.push(payload)
    await slow.promise
  })
  await db.write('cause', async (tx) => {
    await jobs.enqueue(tx, 'slow', { n: 1 })
    await jobs.enqueue(tx, 'slow', { n: 2 })
  })
  const noted = Promise.withResolvers<void>()
  jobs.handle('note', async (payload) => {
    seen.push(payload)
    noted.resolve()
  })
  const working = jobs.drain()
  await db.write('later cause', (tx) => jobs.enqueue(tx, 'note', { n: 3 }))
  void jobs.drain()
  await noted.promise
  assert.deepEqual([seen, begun], [[{ n: 3 }], [{ n: 1 }]])
  slow.resolve()
  await working
  assert.deepEqual(begun, [{ n: 1 }, { n: 2 }])
})

testOnDatabases('jobs of a kind go on when one of them ends while the next is looked for', async (db) => {
  const { seen, clock } = setUp(db)
  let reads = 0
  /** The second look, which leaves out the kind that is busy, takes until that is done. */
  const slowly: Database = {
    ...db,
    read: async (fn) => {
      const found = await db.read(fn)
      const isDone = async () => {
        const rows = await db.read((reader) => reader.qb.selectFrom('jobs').select('job_id').execute())
        return rows.length < 2
      }
      if (++reads === 2) while (!(await isDone())) await yieldNow()
      return found
    },
  }
  const jobs = createJobs({ db: slowly, clock, log: silentLog })
  jobs.handle('note', async (payload) => void seen.push(payload))
  for (const n of [1, 2]) await db.write('cause', (tx) => jobs.enqueue(tx, 'note', { n }))
  await jobs.drain()
  assert.deepEqual(seen, [{ n: 1 }, { n: 2 }])
})

testOnDatabases('a kind may have several jobs done at a time, each once', async (db) => {
  const { jobs } = setUp(db)
  const begun: JsonObject[] = []
  const two = Promise.withResolvers<void>()
  const slow = Promise.withResolvers<void>()
  const handler = async (payload: JsonObject) => {
    begun.push(payload)
    if (begun.length === 2) two.resolve()
    await slow.promise
  }
  jobs.handle('slow', handler, { atOnce: 2 })
  await db.write('cause', async (tx) => {
    for (const n of [1, 2, 3]) await jobs.enqueue(tx, 'slow', { n })
  })
  const working = jobs.drain()
  await two.promise
  assert.deepEqual(begun, [{ n: 1 }, { n: 2 }])
  slow.resolve()
  await working
  assert.deepEqual(begun, [{ n: 1 }, { n: 2 }, { n: 3 }])
})

testOnDatabases('a job that takes itself back and queues another does not end that one', async (db) => {
  const { seen, jobs } = setUp(db)
  jobs.handle('self', async () => {
    await db.write('instead', async (tx) => {
      await jobs.cancel(tx, 'self', 'key')
      await jobs.enqueue(tx, 'note', { n: 1 })
    })
  })
  await db.write('cause', (tx) => jobs.enqueue(tx, 'self', {}, { key: 'key' }))
  await jobs.drain()
  await jobs.drain()
  assert.deepEqual(seen, [{ n: 1 }])
})
