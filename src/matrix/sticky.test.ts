import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { longestStickiness, stickyDuration, stickyUntil } from './sticky.ts'

const hour = 3_600_000

test('what says for how long an event is sticky', () => {
  const cases: [object, number | undefined][] = [
    [{}, undefined],
    [{ sticky: { duration_ms: 5 } }, 5],
    [{ msc4354_sticky: { duration_ms: 5 } }, 5],
    [{ sticky: { duration_ms: 5 }, msc4354_sticky: { duration_ms: 6 } }, 5],
    [{ sticky: { duration_ms: 'x' }, msc4354_sticky: { duration_ms: 6 } }, 6],
    [{ sticky: { duration_ms: 0 } }, 0],
    [{ sticky: { duration_ms: hour + 1 } }, hour],
    [{ sticky: { duration_ms: Number.MAX_SAFE_INTEGER } }, hour],
    ...[-1, 1.5, '5', null, true, [5], {}, 2 ** 60].map((duration_ms): [object, undefined] => [
      { sticky: { duration_ms } },
      undefined,
    ]),
    ...[null, 5, 'x', [], [{ duration_ms: 5 }]].map((sticky): [object, undefined] => [{ sticky }, undefined]),
  ]
  for (const [pdu, expected] of cases) assert.equal(stickyDuration(pdu as never), expected, JSON.stringify(pdu))
})

test('no event is sticky for longer than an hour after it came, nor for longer than it says after it was sent', () => {
  const time = fc.integer({ min: -1e15, max: 1e15 })
  fc.assert(
    fc.property(time, time, fc.maxSafeNat(), (sent, received, duration) => {
      const until = stickyUntil({ origin_server_ts: sent, sticky: { duration_ms: duration } }, received)
      assert.ok(until !== undefined)
      assert.ok(until <= received + longestStickiness && until <= sent + longestStickiness)
      assert.ok(until <= received + duration && until <= sent + duration)
      // Whoever hears of it later does not have it for longer than whoever heard at once, if it was sent in the past.
      const later = stickyUntil({ origin_server_ts: sent, sticky: { duration_ms: duration } }, received + 1000)
      assert.ok(later !== undefined && later >= until)
      if (sent <= received) assert.equal(later, until)
    }),
  )
})
