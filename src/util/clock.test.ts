import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestClock, isoTime, systemClock } from './clock.ts'

test('a test clock runs due timers in order and shows each its own time', () => {
  const clock = createTestClock(1_000)
  const seen: [string, number][] = []
  clock.after(20, () => seen.push(['b', clock.now()]))
  clock.after(10, () => {
    seen.push(['a', clock.now()])
    clock.after(5, () => seen.push(['nested', clock.now()]))
  })
  const cancel = clock.after(12, () => seen.push(['cancelled', 0]))
  cancel()
  clock.advance(9)
  assert.deepEqual(seen, [])
  clock.advance(11)
  assert.deepEqual(seen, [
    ['a', 1_010],
    ['nested', 1_015],
    ['b', 1_020],
  ])
  assert.equal(clock.now(), 1_020)
})

test('the system clock takes waits beyond the 32-bit timer without firing', () => {
  let fired = false
  const cancel = systemClock.after(2 ** 40, () => {
    fired = true
  })
  cancel()
  assert.equal(fired, false)
  assert.equal(isoTime(0), '1970-01-01T00:00:00.000Z')
})
