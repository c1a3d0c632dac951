import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MatrixError } from './errors.ts'
import { type JsonFaultKind, maxJsonDepth, parseJson, parseJsonStrict, parseJsonWithFaults } from './json-parse.ts'

const refused = (errcode: string) => (error: unknown) => error instanceof MatrixError && error.errcode === errcode

test('what JSON.parse hides is a fault', () => {
  const faults: [string, JsonFaultKind][] = [
    ['1.5', 'float'],
    ['1.0', 'float'],
    ['1e3', 'float'],
    ['1E+3', 'float'],
    ['-0', 'negative-zero'],
    ['9007199254740992', 'unsafe-integer'],
    ['-9007199254740992', 'unsafe-integer'],
    ['{"a":1,"a":1}', 'duplicate-key'],
    ['{"__proto__":1,"__proto__":1}', 'duplicate-key'],
    ['"\\ud800"', 'lone-surrogate'],
    ['"\ud800"', 'lone-surrogate'],
    ['{"\\udc00":1}', 'lone-surrogate'],
  ]
  for (const [text, kind] of faults) {
    assert.throws(() => parseJsonStrict(text), refused('M_BAD_JSON'), text)
    const parsed = parseJsonWithFaults(`{"x":${text}}`)
    assert.equal(parsed.faults[0]?.kind, kind, text)
    assert.deepEqual(parsed.value, JSON.parse(`{"x":${text}}`))
  }
})

test('faults name the element that they are in, once', () => {
  const { faults } = parseJsonWithFaults(
    '{"origin":"x","pdus":[{"a":1},{"a":1.0,"b":{"c":[1.5]}},{},{"a":-0}],"pdus2":2.5}',
  )
  assert.deepEqual(faults, [
    { kind: 'float', path: ['pdus', 1] },
    { kind: 'negative-zero', path: ['pdus', 3] },
    { kind: 'float', path: ['pdus2'] },
  ])
})

test('correct text has no faults', () => {
  for (const text of [
    '0',
    '-1',
    '"\\ud83d\\ude00"',
    '"😀"',
    ' [ ] ',
    '{"a":{"a":1}}',
    '9007199254740991',
    'null',
    '\t{ }\r\n',
  ]) {
    assert.deepEqual(parseJsonWithFaults(text), { value: JSON.parse(text), faults: [] })
  }
})

test('what is no JSON is refused', () => {
  const texts = [
    '',
    ' ',
    '{',
    '}',
    '[1,]',
    '{"a":1,}',
    '{a:1}',
    "'a'",
    '01',
    '1.',
    '.5',
    '+1',
    '-',
    'nul',
    'nullx',
    'NaN',
    '1 2',
  ]
  texts.push(
    '"a',
    '"\\x"',
    '"\\u12"',
    '"a\nb"',
    '"\\',
    '[1',
    '{"a"}',
    '{"a" 1}',
    '{"a":}',
    '{,}',
    '\ufeff{}',
    '\u00a01',
    '[1 2]',
  )
  for (const text of texts) {
    assert.throws(() => JSON.parse(text), SyntaxError, text)
    assert.throws(() => parseJsonStrict(text), refused('M_NOT_JSON'), text)
    assert.throws(() => parseJsonWithFaults(text), refused('M_NOT_JSON'), text)
  }
})

test('deep nesting is refused', () => {
  const nest = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  parseJsonStrict(nest(maxJsonDepth))
  assert.throws(() => parseJsonStrict(nest(maxJsonDepth + 1)), refused('M_BAD_JSON'))
  assert.throws(() => parseJsonStrict('{"a":'.repeat(100_000)), refused('M_BAD_JSON'))
})

test('a key named __proto__ is kept as a key', () => {
  const value = parseJsonStrict('{"__proto__":{"admin":true}}')
  assert.deepEqual(Object.keys(value as object), ['__proto__'])
  assert.equal((value as { admin?: boolean }).admin, undefined)
})

test('the value is the one of JSON.parse', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.nat(4), (text, indent) => {
      const spaced = JSON.stringify(JSON.parse(text), null, indent)
      assert.deepEqual(parseJsonWithFaults(text).value, JSON.parse(text))
      assert.deepEqual(parseJsonWithFaults(spaced).value, JSON.parse(text))
    }),
  )
  const long = JSON.stringify({ pdus: Array.from({ length: 500 }, (_, n) => ({ n, body: 'x'.repeat(20) })) })
  assert.deepEqual(parseJsonStrict(long), JSON.parse(long))
})

test('any text is JSON to both parsers or to neither', () => {
  const text = fc.string({ unit: fc.constantFrom(...'{}[],:"\\ue0123456789.-+tfn '), maxLength: 12 })
  const parses = (parse: (text: string) => unknown, input: string) => {
    try {
      parse(input)
      return true
    } catch {
      return false
    }
  }
  fc.assert(
    fc.property(text, (input) => {
      assert.equal(parses(parseJsonWithFaults, input), parses(JSON.parse, input))
    }),
    { numRuns: 2000 },
  )
})

test('a key that is one escaped character is that character, where JSON.parse may take it for a backslash', () => {
  for (const key of ['"', '\\', '/', '\n', 'A', 'é', 'a"b', '']) {
    const escaped =
      key.length === 1 ? `\\u${key.charCodeAt(0).toString(16).padStart(4, '0')}` : JSON.stringify(key).slice(1, -1)
    for (const written of [JSON.stringify(key), `"${escaped}"`]) {
      const value = parseJson(`{"x":{"y":1, ${written} : 2}}`)
      assert.deepEqual(value, { x: { y: 1, [key]: 2 } }, written)
    }
  }
  assert.throws(() => parseJson('{"a":'), { errcode: 'M_NOT_JSON' })
  // Where an object of the same shape had a backslash there; long texts are read twice.
  for (const key of ['\\', '\n']) {
    const long = `{"q":1,${JSON.stringify(key)}:"${'x'.repeat(5000)}"}`
    assert.deepEqual(Object.keys(Object(parseJsonWithFaults(long).value)), ['q', key])
  }
})
