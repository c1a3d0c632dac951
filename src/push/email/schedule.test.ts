import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decide, distanceAfter, type Mailed, patience, type Situation } from './schedule.ts'

const hour = 3_600_000
const now = 1_700_000_000_000
const mailed = (count: number, ago: number): Mailed => ({ count, ts: now - ago, from: 1, to: 2, told: 1 })
const situation = (others: Partial<Situation>): Situation => ({
  now,
  dueTs: undefined,
  oldestTs: now,
  mailed: undefined,
  hasRead: false,
  ...others,
})
const until = (others: Partial<Situation>) => {
  const decision = decide(situation(others))
  return decision.kind === 'mail' ? 'mail' : decision.until - now
}

test('the first mail waits ten minutes, later ones longer until something is read', () => {
  assert.equal(until({}), patience)
  assert.equal(until({ mailed: mailed(1, 0) }), 2 * patience)
  assert.equal(until({ mailed: mailed(1, hour) }), patience)
  assert.equal(until({ mailed: mailed(30, 0) }), 24 * hour)
  assert.equal(until({ mailed: mailed(30, 0), hasRead: true }), patience)
  assert.deepEqual(
    [1, 2, 3, 8, 100].map((n) => distanceAfter(n) / 60_000),
    [20, 40, 80, 1440, 1440],
  )
})

test('what is unread when the time has come is mailed, unless it is too new', () => {
  assert.equal(until({ dueTs: now, oldestTs: now - patience }), 'mail')
  assert.equal(until({ dueTs: now, oldestTs: undefined }), 'mail')
  assert.equal(until({ dueTs: now - hour, oldestTs: now - 60_000 }), patience - 60_000)
  assert.equal(until({ dueTs: now, oldestTs: now + 1000 * hour }), patience, 'the clock of another server')
  assert.equal(until({ dueTs: now + hour, oldestTs: now - hour }), hour)
  assert.equal(until({ dueTs: now + 9 * hour, mailed: mailed(9, hour), hasRead: true }), patience)
})

test('a decision to wait never lies in the past and is never more than the longest distance away', () => {
  const ts = fc.integer({ min: now - 48 * hour, max: now + 24 * hour })
  fc.assert(
    fc.property(
      fc.option(ts, { nil: undefined }),
      fc.option(fc.integer(), { nil: undefined }),
      fc.option(fc.tuple(fc.nat(60), fc.nat(48 * hour)), { nil: undefined }),
      fc.boolean(),
      (dueTs, oldestTs, last, hasRead) => {
        const decision = decide(situation({ dueTs, oldestTs, mailed: last && mailed(...last), hasRead }))
        if (decision.kind === 'mail') return dueTs !== undefined && dueTs <= now
        return decision.until > now && decision.until <= now + 24 * hour
      },
    ),
  )
})
