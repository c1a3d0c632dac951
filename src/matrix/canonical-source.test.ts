import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalSource } from './canonical-source.ts'

test('numbers stay as they were written, and the rest becomes canonical', () => {
  const text = '{ "b": [1.0, 1e3, -0, 12345678901234567890, 7], "a": {"\\u00e4": "\\/", "Z": null}, "c": true }'
  assert.equal(canonicalSource(text), '{"a":{"Z":null,"ä":"/"},"b":[1.0,1e3,-0,12345678901234567890,7],"c":true}')
})

test('a text without odd numbers is encoded like any canonical JSON', () => {
  assert.equal(canonicalSource('{"x":{"𐀀":1,"￿":2}}'), '{"x":{"￿":2,"𐀀":1}}')
})
