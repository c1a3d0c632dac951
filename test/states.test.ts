import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createStates } from '../src/rooms/states.ts'
import { testOnDatabases } from './helpers/engines.ts'

type Change = readonly [key: number, event: number]

function apply(state: ReadonlyMap<number, number>, changes: readonly Change[]): Map<number, number> {
  const next = new Map(state)
  for (const [key, event] of changes) {
    if (event === 0) next.delete(key)
    else next.set(key, event)
  }
  return next
}

const sorted = (state: ReadonlyMap<number, number>) => [...state].sort(([a], [b]) => a - b)

testOnDatabases('a chain of deltas is the same state as applying every change', async (db) => {
  let roomNid = 0
  const change = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 40 }))
  const steps = fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(steps, async (chain) => {
      roomNid++
      const writing = createStates()
      const expected: { nid: number; state: Map<number, number> }[] = []
      let state = new Map<number, number>()
      let nid: number | undefined
      for (const changes of chain) {
        state = apply(state, changes)
        const parent = nid
        nid = await db.write('derive', (tx) => writing.derive(tx, roomNid, parent, new Map(changes)))
        expected.push({ nid, state })
      }
      // Another instance has nothing in its caches.
      for (const states of [writing, createStates()]) {
        for (const { nid, state } of expected) {
          await db.read(async (reader) => {
            assert.deepEqual(await states.lookup(reader, nid, 5), state.get(5))
            assert.deepEqual(sorted(await states.load(reader, nid)), sorted(state))
          })
        }
      }
    }),
    { numRuns: db.engine === 'sqlite' ? 60 : 8 },
  )
})

testOnDatabases('equal states of a room are one row, whichever way they came about', async (db) => {
  const states = createStates()
  const derive = (parent: number | undefined, changes: Change[]) =>
    db.write('derive', (tx) => states.derive(tx, 1, parent, new Map(changes)))
  const first = await derive(undefined, [
    [1, 10],
    [2, 20],
  ])
  const other = await derive(await derive(undefined, [[2, 20]]), [[1, 10]])
  assert.equal(other, first)
  assert.equal(await derive(first, [[1, 10]]), first)
  const there = await derive(first, [[1, 11]])
  assert.equal(await derive(there, [[1, 10]]), first)
})

testOnDatabases('what a failed write made is neither stored nor remembered', async (db) => {
  const states = createStates()
  const failed = db.write('fail', async (tx) => {
    await states.requireKeyNid(tx, 'm.room.name', '')
    await states.derive(tx, 1, undefined, new Map([[1, 10]]))
    throw new Error('no')
  })
  await assert.rejects(failed, /no/)
  assert.equal(await db.read((reader) => states.keyNid(reader, 'm.room.name', '')), undefined)
  const nid = await db.write('derive', (tx) => states.derive(tx, 1, undefined, new Map([[1, 11]])))
  assert.deepEqual(sorted(await db.read((reader) => states.load(reader, nid))), [[1, 11]])
})

testOnDatabases('a room of many joins keeps few rows a join', async (db) => {
  const states = createStates()
  const joins = db.engine === 'sqlite' ? 2048 : 256
  let nid: number | undefined
  for (let i = 1; i <= joins; i++) {
    const parent = nid
    nid = await db.write('join', (tx) => states.derive(tx, 1, parent, new Map([[i, i]])))
  }
  const { rows } = await db.read((reader) =>
    reader.qb
      .selectFrom('state_changes')
      .select((eb) => eb.fn.countAll<number>().as('rows'))
      .executeTakeFirstOrThrow(),
  )
  assert.ok(rows <= (joins * Math.log2(joins)) / 2 + joins, `${rows} rows for ${joins} joins`)
  const last = nid
  assert.ok(last !== undefined)
  const fresh = createStates()
  assert.equal((await db.read((reader) => fresh.load(reader, last))).size, joins)
})
