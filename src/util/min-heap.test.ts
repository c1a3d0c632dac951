import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MinHeap } from './min-heap.ts'

describe('MinHeap', () => {
  it('gives items in order, whatever the order they came in', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer()), (numbers) => {
        const heap = new MinHeap<number>((a, b) => a < b)
        for (const n of numbers) heap.push(n)
        const drained = numbers.map(() => heap.pop())
        assert.deepEqual(
          drained,
          numbers.toSorted((a, b) => a - b),
        )
        assert.equal(heap.pop(), undefined)
      }),
    )
  })

  it('takes new items between', () => {
    const heap = new MinHeap<number>((a, b) => a < b)
    for (const n of [5, 3, 8]) heap.push(n)
    assert.equal(heap.pop(), 3)
    heap.push(1)
    heap.push(9)
    assert.deepEqual([heap.pop(), heap.pop(), heap.size], [1, 5, 2])
  })
})
