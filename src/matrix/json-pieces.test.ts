import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from './event.ts'
import { parseJsonWithFaults } from './json-parse.ts'
import { parseInPieces } from './json-pieces.ts'

function parse(text: string) {
  const pieces = parseInPieces(text)
  for (let i = 0; ; i++) {
    const step = pieces.next()
    if (step.done) return { ...step.value, yields: i }
  }
}

/** Either what is read, or the code of the error. */
function outcome(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    return Object(error).errcode
  }
}

test('a text in pieces says what it says as a whole', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(3), (object, indent) => {
      const text = JSON.stringify(object, undefined, indent)
      assert.deepEqual(parse(text).value, JSON.parse(text))
    }),
  )
})

test('a key that is one escaped character is that character, also after a backslash', () => {
  assert.deepEqual(parse('{"pdus":[{"r":1,"\\\\":1},{"r":1,"\\n":2}]}').value, {
    pdus: [
      { r: 1, '\\': 1 },
      { r: 1, '\n': 2 },
    ],
  })
})

test('what is not canonical is told by its place, and broken texts are refused like whole ones', () => {
  for (const text of [
    '{"pdus":[{"a":1.0,"b":-0},{"a":1},{"b":[{"c":1e3}]}],"x":9007199254740993,"y":{"z":{"w":1.5}},"y":1}',
    '{"a":["\\ud800",{"b":1,"b":2}],"a":[]}',
    '{"__proto__":{"a":1},"b":"\\u0041"}',
    ' { } ',
    '{',
    '{}x',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{"a":[1,]}',
    '{"a":[1 2]}',
    '{"a":tru}',
    '{"a":{"b":1]}}',
    '{"a":"\n"}',
    '{a:1}',
    '{"a":1}}',
    '{"a":[}',
    '{"a":01}',
    '{"a":{"b" "c"}}',
    '',
  ]) {
    const whole = outcome(() => {
      const { value, faults } = parseJsonWithFaults(text)
      return { value, faults: new Set(faults.map((fault) => JSON.stringify(fault))) }
    })
    const inPieces = outcome(() => {
      const { value, faults } = parse(text)
      return { value, faults: new Set(faults.map((fault) => JSON.stringify(fault))) }
    })
    // An empty text is no object either, and named so.
    if (text !== '') assert.deepEqual(inPieces, whole, text)
    else assert.equal(inPieces, 'M_BAD_JSON')
  }
  for (const text of ['[]', '1', 'null', '"a"'])
    assert.equal(
      outcome(() => parse(text)),
      'M_BAD_JSON',
    )
  assert.equal(
    outcome(() => parse(`{"a":${'['.repeat(600)}`)),
    'M_BAD_JSON',
  )
  assert.equal(outcome(() => parse(`{"a":${'['.repeat(510)}${']'.repeat(510)}}`)) instanceof Object, true)
})

test('others may run between the elements of a long list', () => {
  const pdus = Array.from({ length: 1000 }, (_, depth): JsonObject => ({ depth }))
  const { value, yields } = parse(JSON.stringify({ pdus, origin: 'a' }))
  assert.deepEqual(value, { pdus, origin: 'a' })
  assert.equal(yields, 1001)
})
