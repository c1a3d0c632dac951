import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addPart, type Coverage, isWhole } from './coverage.ts'

test('parts grow together', () => {
  let coverage: Coverage = []
  for (const [start, end] of [
    [5, 9],
    [0, 1],
    [2, 3],
  ] as const)
    coverage = addPart(coverage, { start, end })
  assert.deepEqual(coverage, [
    [0, 3],
    [5, 9],
  ])
  assert.equal(isWhole(coverage, 10), false)
  assert.equal(isWhole(addPart(coverage, { start: 4, end: 4 }), 10), true)
  assert.equal(isWhole([], 0), true)
  assert.equal(isWhole([], 1), false)
})

test('a file is whole when each of its bytes has come', () => {
  const part = fc.tuple(fc.nat(29), fc.nat(29)).map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }))
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), fc.integer({ min: 1, max: 30 }), (parts, size) => {
      const bytes = new Set<number>()
      let coverage: Coverage = []
      for (const { start, end } of parts) {
        coverage = addPart(coverage, { start, end })
        for (let at = start; at <= end; at++) bytes.add(at)
      }
      const expected = Array.from({ length: size }, (_, at) => bytes.has(at)).every(Boolean)
      assert.equal(isWhole(coverage, size), expected)
    }),
  )
})
