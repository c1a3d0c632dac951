import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MatrixError } from '../matrix/errors.ts'
import { maxDepth, parseBody } from './parse-body.ts'

function errcodeOf(body: string | Buffer, strict = false): string {
  try {
    parseBody(Buffer.from(body), strict)
  } catch (error) {
    if (error instanceof MatrixError) return error.errcode
    throw error
  }
  return 'none'
}

test('an empty body is an empty object', () => {
  assert.deepEqual(parseBody(Buffer.alloc(0), false), {})
  assert.deepEqual(parseBody(Buffer.from(' \n'), true), {})
})

test('what is no JSON text is M_NOT_JSON', () => {
  for (const body of ['{', '{"a":}', 'hello', '{"a":1}}', "{'a':1}"]) assert.equal(errcodeOf(body), 'M_NOT_JSON', body)
  assert.equal(errcodeOf(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), 'M_NOT_JSON')
})

test('what is no object is M_BAD_JSON', () => {
  for (const body of ['[]', '"a"', '1', 'null', 'true']) assert.equal(errcodeOf(body), 'M_BAD_JSON', body)
})

test('floats, unsafe integers and duplicate keys are seen where they matter', () => {
  for (const body of ['{"a":1.0}', '{"a":1e3}', '{"a":9007199254740992}', '{"a":1,"a":2}']) {
    assert.equal(errcodeOf(body, true), 'M_BAD_JSON', body)
    assert.equal(errcodeOf(body), 'none', body)
  }
  assert.deepEqual(parseBody(Buffer.from('{"a":9007199254740991}'), true), { a: 9007199254740991 })
})

test('deep nesting is M_BAD_JSON, and brackets inside strings do not count', () => {
  const nested = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
  for (const strict of [false, true]) {
    assert.equal(errcodeOf(nested(maxDepth), strict), 'none')
    assert.equal(errcodeOf(nested(maxDepth + 1), strict), 'M_BAD_JSON')
    assert.equal(errcodeOf(nested(500_000), strict), 'M_BAD_JSON')
  }
  assert.equal(errcodeOf(`{"a":"\\"${'['.repeat(1000)}"}`), 'none')
})

test('half a surrogate pair is M_BAD_JSON, a whole one is fine', () => {
  assert.equal(errcodeOf('{"a":["\\ud83d"]}'), 'M_BAD_JSON')
  assert.equal(errcodeOf('{"\\udd8a":1}'), 'M_BAD_JSON')
  assert.deepEqual(parseBody(Buffer.from('{"a":"\\ud83e\\udd8a"}'), false), { a: '🦊' })
})
