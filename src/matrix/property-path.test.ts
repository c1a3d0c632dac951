import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parsePropertyPath, valueAt } from './property-path.ts'

describe('parsePropertyPath', () => {
  const table: [path: string, names: string[]][] = [
    ['type', ['type']],
    ['content.body', ['content', 'body']],
    ['content.m\\.relates_to.rel_type', ['content', 'm.relates_to', 'rel_type']],
    ['a\\\\.b', ['a\\', 'b']],
    ['a\\\\\\.b', ['a\\.b']],
    ['a\\x', ['a\\x']],
    ['a\\', ['a\\']],
    ['', ['']],
    ['a..b', ['a', '', 'b']],
  ]
  for (const [path, names] of table) {
    it(`splits ${JSON.stringify(path)}`, () => assert.deepEqual(parsePropertyPath(path), names))
  }
})

describe('valueAt', () => {
  const event = { type: 't', content: { 'm.x': { y: [1] }, empty: null, '': 1 }, list: ['a'] }
  it('follows objects only, by their own names', () => {
    assert.deepEqual(valueAt(event, ['content', 'm.x', 'y']), [1])
    assert.equal(valueAt(event, ['content', 'empty']), null)
    assert.equal(valueAt(event, ['content', '']), 1)
    assert.equal(valueAt(event, ['content', 'empty', 'x']), undefined)
    assert.equal(valueAt(event, ['list', '0']), undefined)
    assert.equal(valueAt(event, ['list', 'length']), undefined)
    assert.equal(valueAt(event, ['content', 'constructor']), undefined)
    assert.equal(valueAt(event, ['__proto__', 'toString']), undefined)
  })
})
