import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkCrossSigningKey, checkDeviceKeys, parseNamedKeys, signedPart } from './key-format.ts'

test('names of one-time keys are split at the first colon, values become canonical', () => {
  assert.deepEqual(parseNamedKeys({ 'signed_curve25519:a:b': { signatures: {}, key: 'k' }, 'curve25519:x': 'v' }), [
    { algorithm: 'signed_curve25519', keyId: 'a:b', json: '{"key":"k","signatures":{}}' },
    { algorithm: 'curve25519', keyId: 'x', json: '"v"' },
  ])
  for (const name of ['', ':', 'a:', ':b', 'ab'])
    assert.throws(() => parseNamedKeys({ [name]: 'v' }), /algorithm:key_id/)
  assert.throws(() => parseNamedKeys({ 'a:b': { n: 1.5 } }))
})

test('device keys are kept whole, except for unsigned', () => {
  const keys = {
    user_id: '@a:x',
    device_id: 'D',
    algorithms: [],
    keys: {},
    signatures: {},
    z: 1,
    unsigned: { forged: 1 },
  }
  assert.equal(
    checkDeviceKeys(keys, '@a:x', 'D'),
    '{"algorithms":[],"device_id":"D","keys":{},"signatures":{},"user_id":"@a:x","z":1}',
  )
  assert.throws(() => checkDeviceKeys(keys, '@b:x', 'D'))
  assert.throws(() => checkDeviceKeys(keys, '@a:x', 'E'))
})

test('a cross-signing key holds exactly one key, under its own name', () => {
  const key = { user_id: '@a:x', usage: ['master'], keys: { 'ed25519:abc': 'abc' } }
  assert.equal(checkCrossSigningKey(key, 'master', '@a:x'), 'abc')
  assert.throws(() => checkCrossSigningKey(key, 'self_signing', '@a:x'))
  assert.throws(() => checkCrossSigningKey(key, 'master', '@b:x'))
  const wrong: Record<string, string>[] = [
    {},
    { 'ed25519:abc': 'x' },
    { 'curve25519:abc': 'abc' },
    { 'ed25519:a': 'a', 'ed25519:b': 'b' },
  ]
  for (const keys of wrong) {
    assert.throws(() => checkCrossSigningKey({ ...key, keys }, 'master', '@a:x'))
  }
})

test('what is signed does not depend on signatures, unsigned data or the order of keys', () => {
  assert.equal(
    signedPart({ b: 1, a: { d: 1, c: 2 }, signatures: { x: {} } }),
    signedPart({ a: { c: 2, d: 1 }, b: 1, unsigned: {} }),
  )
})
