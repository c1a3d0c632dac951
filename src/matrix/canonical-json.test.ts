import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assertCanonical, canonicalJson, compareCodePoints, lenientCanonicalJson } from './canonical-json.ts'
import { MatrixError } from './errors.ts'
import type { Json } from './event.ts'
import { maxJsonDepth, parseJsonStrict } from './json-parse.ts'

const badJson = (error: unknown) => error instanceof MatrixError && error.errcode === 'M_BAD_JSON'

/** JSON that canonical JSON can say. */
const { canonicalValue } = fc.letrec<{ canonicalValue: Json }>((tie) => ({
  canonicalValue: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger(),
    fc.string({ unit: 'binary' }),
    fc.array(tie('canonicalValue'), { maxLength: 5 }),
    fc.dictionary(fc.string({ unit: 'binary' }), tie('canonicalValue'), { maxKeys: 6, noNullPrototype: true }),
  ),
}))

test('the pairs of the specification', () => {
  const pairs: [string, string][] = [
    ['{}', '{}'],
    ['{\n    "one": 1,\n    "two": "Two"\n}', '{"one":1,"two":"Two"}'],
    ['{\n    "b": "2",\n    "a": "1"\n}', '{"a":"1","b":"2"}'],
    ['{"b":"2","a":"1"}', '{"a":"1","b":"2"}'],
    [
      `{"auth": {"success": true, "mxid": "@john.doe:example.com", "profile": {"display_name": "John Doe", "three_pids": [
        {"medium": "email", "address": "john.doe@example.org"}, {"medium": "msisdn", "address": "123456789"}]}}}`,
      '{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}',
    ],
    ['{"a": "日本語"}', '{"a":"日本語"}'],
    ['{"本": 2, "日": 1}', '{"日":1,"本":2}'],
    ['{"a": "\\u65E5"}', '{"a":"日"}'],
    ['{"a": null}', '{"a":null}'],
    ['{"a": -0, "b": 1e10}', '{"a":0,"b":10000000000}'],
  ]
  for (const [input, output] of pairs) assert.equal(canonicalJson(JSON.parse(input)), output)
})

test('keys are ordered by code point where UTF-16 has another order', () => {
  assert.equal(canonicalJson({ '\u{1F600}': 1, '\ufb33': 2, a: 3 }), '{"a":3,"\ufb33":2,"\u{1F600}":1}')
  assert.ok('\u{1F600}' < '\ufb33')
  assert.ok(compareCodePoints('\u{1F600}', '\ufb33') > 0)
})

test('keys that JavaScript moves or treats specially are ordinary ones', () => {
  assert.equal(canonicalJson(JSON.parse('{"10":1,"9":2,"__proto__":3,"":4}')), '{"":4,"10":1,"9":2,"__proto__":3}')
})

test('only what the grammar escapes is escaped', () => {
  assert.equal(
    canonicalJson('\u0000\u0008\t\n\u000b\f\r\u001f"\\/\u007f\u2028é'),
    '"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\"\\\\/\u007f\u2028é"',
  )
})

test('what canonical JSON forbids is refused', () => {
  const forbidden: unknown[] = [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 53), 1e300, undefined]
  forbidden.push('\ud800', 'a\udc00b', { '\ud800': 1 }, { a: undefined }, [undefined], () => 1, 1n, Symbol('a'))
  for (const value of forbidden) {
    assert.throws(() => canonicalJson(value as Json), badJson)
    assert.throws(() => canonicalJson({ a: [value as Json] }), badJson)
    assert.throws(() => assertCanonical(value), badJson)
    assert.throws(() => assertCanonical({ a: [value] }), badJson)
  }
  assert.equal(canonicalJson([2 ** 53 - 1, -(2 ** 53) + 1]), '[9007199254740991,-9007199254740991]')
})

test('deep nesting is refused instead of overflowing the stack', () => {
  const nest = (depth: number): Json => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
  assert.equal(canonicalJson(nest(maxJsonDepth)).length, 2 * maxJsonDepth)
  assertCanonical(nest(maxJsonDepth))
  for (const depth of [maxJsonDepth + 1, 100_000]) {
    assert.throws(() => canonicalJson(nest(depth)), badJson)
    assert.throws(() => assertCanonical(nest(depth)), badJson)
  }
})

test('the lenient form writes what old rooms may hold', () => {
  assert.equal(lenientCanonicalJson({ b: 1.5, a: 2 ** 62, c: -0 }), '{"a":4611686018427387904,"b":1.5,"c":0}')
  assert.equal(lenientCanonicalJson('\ud800'), '"\\ud800"')
  assert.throws(() => lenientCanonicalJson(Number.NaN), badJson)
})

test('parsing and encoding again changes nothing', () => {
  fc.assert(
    fc.property(canonicalValue, (value) => {
      const text = canonicalJson(value)
      assertCanonical(value)
      assert.equal(canonicalJson(JSON.parse(text)), text)
      assert.deepEqual(parseJsonStrict(text), JSON.parse(text))
      assert.equal(lenientCanonicalJson(value), text)
    }),
  )
})

test('the order of keys makes no difference', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), canonicalValue, { noNullPrototype: true }), (object) => {
      const reversed = Object.fromEntries(Object.entries(object).reverse())
      assert.equal(canonicalJson(reversed), canonicalJson(object))
    }),
  )
})

test('the order of code points is the order of UTF-8 bytes', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}') })
  fc.assert(
    fc.property(text, text, (a, b) => {
      assert.equal(Math.sign(compareCodePoints(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
  )
})
