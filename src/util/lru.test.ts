import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LruMap } from './lru.ts'

test('the least recently used entry goes first', () => {
  const lru = new LruMap<string, number>(2)
  lru.set('a', 1)
  lru.set('b', 2)
  lru.get('a')
  lru.set('c', 3)
  assert.deepEqual([...lru.keys()], ['a', 'c'])
  assert.equal(lru.get('b'), undefined)
})

test('weights are bounded too, and what is too heavy is not kept', () => {
  const lru = new LruMap<string, string>(10, (value) => value.length)
  lru.set('a', '12345')
  lru.set('b', '12345')
  lru.set('c', '123456')
  assert.deepEqual([...lru.keys()], ['c'])
  lru.set('c', '12345678901')
  assert.equal(lru.size, 0)
  assert.equal(lru.weight, 0)
})

test('the bound holds after any sequence of operations', () => {
  const operation = fc.tuple(fc.constantFrom('set', 'get', 'delete'), fc.nat(9), fc.nat(4))
  fc.assert(
    fc.property(fc.array(operation), (operations) => {
      const lru = new LruMap<number, number>(6, (value) => value)
      for (const [name, key, value] of operations) {
        if (name === 'set') lru.set(key, value)
        else if (name === 'get') lru.get(key)
        else lru.delete(key)
      }
      const weight = [...lru.keys()].reduce((sum, key) => sum + (lru.get(key) ?? 0), 0)
      assert.equal(lru.weight, weight)
      assert.ok(weight <= 6)
    }),
  )
})
