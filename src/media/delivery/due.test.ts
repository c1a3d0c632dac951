import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { afterPauses, dueOf, type Followed, type Frozen } from './due.ts'

const day = 86_400_000

test('time that is held does not count, as counting each step shows', () => {
  const pause = fc.tuple(fc.nat(30), fc.option(fc.nat(20), { nil: undefined }))
  const pauses = fc.array(pause, { maxLength: 5 })
  fc.assert(
    fc.property(fc.nat(30), fc.integer({ min: 1, max: 20 }), pauses, (start, ms, list) => {
      const frozen: Frozen[] = list.map(([from, length]) => ({
        from,
        to: length === undefined ? undefined : from + length,
      }))
      let left = ms
      let at = start
      for (; left > 0 && at < 500; at++) {
        if (!frozen.some(({ from, to }) => from <= at && (to === undefined || at < to))) left--
      }
      // Where the time is up when a hold begins, either may be first.
      const expected = left > 0 ? undefined : at
      const found = afterPauses(start, ms, frozen)
      const isTie = frozen.some(({ from }) => from === expected)
      if (!isTie) assert.equal(found, expected)
    }),
  )
})

const followed: Followed = {
  linkedTs: 0,
  deliveredTs: null,
  unlinkedTs: null,
  serverTs: null,
  pausedMs: 0,
  isNote: true,
}
const rule = { isDeleted: true, grace: 7 * day, serverGrace: 9 * day, maxLifetime: 30 * day }

test('whatever is first makes it due', () => {
  const due = (media: Partial<Followed>, own: Partial<typeof rule> = {}) =>
    dueOf({ ...followed, ...media }, { ...rule, ...own }, day, [])
  assert.deepEqual(due({}), { ts: 30 * day, reason: 'expired_undelivered' })
  assert.deepEqual(due({ deliveredTs: day }), { ts: 8 * day, reason: 'delivered' })
  assert.deepEqual(due({ deliveredTs: day, serverTs: day }), { ts: 10 * day, reason: 'delivered' })
  assert.deepEqual(due({ deliveredTs: 29 * day }), { ts: 30 * day, reason: 'too old' })
  assert.deepEqual(due({ unlinkedTs: 5 }), { ts: 5, reason: 'redacted' })
  assert.deepEqual(due({ unlinkedTs: 5, isNote: false }), { ts: 5 + day, reason: 'redacted' })
  assert.deepEqual(dueOf(followed, { ...rule, maxLifetime: undefined }, day, []), undefined)
  assert.equal(due({ deliveredTs: 0 }, { isDeleted: false })?.reason, 'too old')
})

test('a server that is away puts the end off by fourteen days, and to the sixtieth day at most', () => {
  const due = (pausedMs: number, maxLifetime: number) =>
    (dueOf({ ...followed, pausedMs }, { ...rule, maxLifetime }, day, [])?.ts ?? 0) / day
  assert.deepEqual([due(3 * day, 30 * day), due(20 * day, 30 * day), due(20 * day, 50 * day)], [33, 44, 60])
  assert.equal(due(20 * day, 70 * day), 70)
})
