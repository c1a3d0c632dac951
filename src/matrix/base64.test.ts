import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBase64, encodeBase64, encodeBase64Url } from './base64.ts'

test('the pairs of the specification', () => {
  const pairs = { '': '', f: 'Zg', fo: 'Zm8', foo: 'Zm9v', foob: 'Zm9vYg', fooba: 'Zm9vYmE', foobar: 'Zm9vYmFy' }
  for (const [plain, encoded] of Object.entries(pairs)) {
    assert.equal(encodeBase64(Buffer.from(plain)), encoded)
    assert.equal(decodeBase64(encoded)?.toString(), plain)
  }
})

test('both alphabets and padding are read', () => {
  const bytes = Uint8Array.of(0xfb, 0xff, 0xfe, 0x01)
  assert.equal(encodeBase64(bytes), '+//+AQ')
  assert.equal(encodeBase64Url(bytes), '-__-AQ')
  for (const text of ['+//+AQ', '-__-AQ', '+//+AQ==']) assert.deepEqual(decodeBase64(text), Buffer.from(bytes))
})

test('a view into a larger buffer is encoded alone', () => {
  assert.equal(encodeBase64(new Uint8Array(Buffer.from('xfoox').buffer.slice(0)).subarray(0, 0)), '')
  assert.equal(encodeBase64(Uint8Array.from(Buffer.from('xfoox')).subarray(1, 4)), 'Zm9v')
})

test('what is no Base64 is undefined', () => {
  for (const text of ['A', 'AAAAA', 'Zm9v!', 'Zm 9v', 'Zg===', 'é']) assert.equal(decodeBase64(text), undefined, text)
})
