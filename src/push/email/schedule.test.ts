import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { distanceAfter, dueAfter, patience, ripeAt } from './schedule.ts'

const hour = 3_600_000
const now = 1_700_000_000_000

test('the first mail waits ten minutes, later ones longer, at most a day', () => {
  assert.equal(dueAfter(now, undefined), now + patience)
  assert.equal(dueAfter(now, { count: 1, ts: now }), now + 2 * patience)
  assert.equal(dueAfter(now, { count: 1, ts: now - hour }), now + patience)
  assert.equal(dueAfter(now, { count: 30, ts: now }), now + 24 * hour)
  assert.deepEqual(
    [1, 2, 3, 8, 100].map((n) => distanceAfter(n) / 60_000),
    [20, 40, 80, 1440, 1440],
  )
})

test('a mail does not tell of what is too new, whatever the clocks of others say', () => {
  assert.ok(ripeAt(now, now - patience) <= now)
  assert.ok(ripeAt(now, undefined) <= now)
  assert.equal(ripeAt(now, now - 60_000), now + patience - 60_000)
  assert.equal(ripeAt(now, now + 1000 * hour), now + patience)
})

test('a mail is never due at once and never later than the longest distance', () => {
  fc.assert(
    fc.property(fc.nat(60), fc.nat(48 * hour), (count, ago) => {
      const due = dueAfter(now, { count, ts: now - ago })
      return due >= now + patience && due <= now + 24 * hour
    }),
  )
})
