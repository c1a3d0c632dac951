import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isBetterKey } from './key-backup.ts'

const key = fc.record({
  firstMessageIndex: fc.nat(3),
  forwardedCount: fc.nat(3),
  isVerified: fc.boolean(),
  sessionData: fc.constantFrom('{}', '{"a":1}'),
})

test('a better key is a strict order, so that the order of uploads decides nothing but ties', () => {
  fc.assert(
    fc.property(key, key, key, (a, b, c) => {
      assert.ok(!(isBetterKey(a, b) && isBetterKey(b, a)))
      if (isBetterKey(a, b) && isBetterKey(b, c)) assert.ok(isBetterKey(a, c))
      const kept = (keys: (typeof a)[]) => keys.reduce((best, next) => (isBetterKey(next, best) ? next : best))
      const value = ({ sessionData: _data, ...rest }: typeof a) => rest
      assert.deepEqual(value(kept([a, b, c])), value(kept([c, b, a])))
    }),
  )
})

test('verified beats unverified, then the lower index, then fewer forwards; an equal key changes nothing', () => {
  const base = { firstMessageIndex: 5, forwardedCount: 5, isVerified: false, sessionData: '{}' }
  assert.ok(isBetterKey({ ...base, isVerified: true, firstMessageIndex: 9 }, base))
  assert.ok(isBetterKey({ ...base, firstMessageIndex: 4, forwardedCount: 9 }, base))
  assert.ok(isBetterKey({ ...base, forwardedCount: 4 }, base))
  assert.ok(!isBetterKey({ ...base, sessionData: '{"other":1}' }, base))
})
