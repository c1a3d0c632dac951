import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oneLine } from './one-line.ts'

test('text of others takes one line, reads in one direction and has an end', () => {
  assert.equal(oneLine('  a\r\n\tb\u2028c\u0000d  '), 'a b c d')
  assert.equal(oneLine('safe\u202egnp.exe'), 'safe gnp.exe')
  assert.equal(oneLine('abcdef', 4), 'abc…')
  assert.equal(oneLine('👍👍👍', 3), '👍👍👍')
  assert.equal(oneLine('👍👍👍👍', 3), '👍👍…')
  assert.equal([...oneLine('x'.repeat(1_000_000))].length, 200)
})
