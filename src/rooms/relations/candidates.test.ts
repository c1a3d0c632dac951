import assert from 'node:assert/strict'
import { test } from 'node:test'
import { referencesOfEach } from './candidates.ts'

test('a page bundles a bounded number of references, and some with each event', () => {
  assert.deepEqual([0, 1, 10, 20, 100, 1000].map(referencesOfEach), [200, 200, 200, 100, 20, 5])
})
