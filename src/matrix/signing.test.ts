import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBase64 } from './base64.ts'
import type { JsonObject } from './event.ts'
import {
  generateSigningKeyText,
  parseSigningKeys,
  signaturesBy,
  signingKeyFromSeed,
  signJson,
  verifyJson,
  verifySignature,
  verifySignatureAside,
} from './signing.ts'

const seed = 'YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1'
const key = signingKeyFromSeed('1', decodeBase64(seed)!)

test('the signatures of the specification', () => {
  const empty = 'K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ'
  const data = 'KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw'
  assert.deepEqual(signJson({}, 'domain', key), { signatures: { domain: { 'ed25519:1': empty } } })
  assert.deepEqual(signJson({ one: 1, two: 'Two' }, 'domain', key), {
    one: 1,
    two: 'Two',
    signatures: { domain: { 'ed25519:1': data } },
  })
})

test('a signature covers everything but signatures and unsigned', () => {
  const other = signJson({ a: 1 }, 'other', signingKeyFromSeed('x', Buffer.alloc(32, 1)))
  const signed: JsonObject = signJson({ ...other, unsigned: { age: 1 } }, 'domain', key)
  assert.ok(verifyJson(signed, 'domain', 'ed25519:1', key.publicKey))
  assert.ok(verifyJson({ ...signed, unsigned: { age: 2 } }, 'domain', 'ed25519:1', key.publicKey))
  assert.deepEqual(Object.keys(signed.signatures as object), ['other', 'domain'])
  assert.ok(!verifyJson({ ...signed, a: 2 }, 'domain', 'ed25519:1', key.publicKey))
  assert.ok(!verifyJson({ ...signed, b: 2 }, 'domain', 'ed25519:1', key.publicKey))
})

test('wrong servers, keys and malformed signatures do not verify', () => {
  const signed = signJson({ a: 1 }, 'domain', key)
  assert.ok(!verifyJson(signed, 'other', 'ed25519:1', key.publicKey))
  assert.ok(!verifyJson(signed, 'domain', 'ed25519:2', key.publicKey))
  assert.ok(!verifyJson(signed, 'domain', 'ed25519:1', signingKeyFromSeed('1', Buffer.alloc(32)).publicKey))
  for (const publicKey of ['', 'AAAA', '!', `${key.publicKey}AAAA`]) {
    assert.ok(!verifyJson(signed, 'domain', 'ed25519:1', publicKey))
  }
  const malformed = [null, [], 'x', { domain: null }, { domain: 'x' }, { domain: { 'ed25519:1': 7 } }]
  for (const signatures of [...malformed, { domain: { 'ed25519:1': 'AAAA' } }, { domain: { 'ed25519:1': '!' } }]) {
    assert.ok(!verifyJson({ a: 1, signatures }, 'domain', 'ed25519:1', key.publicKey))
  }
  assert.ok(!verifyJson({ signatures: {} }, 'constructor', 'ed25519:1', key.publicKey))
})

test('foreign JSON with floats verifies, ours is not signed', () => {
  const signature = key.sign('{"a":1.5}')
  assert.ok(verifyJson({ a: 1.5, signatures: { x: { 'ed25519:1': signature } } }, 'x', 'ed25519:1', key.publicKey))
  assert.throws(() => signJson({ a: 1.5 }, 'x', key))
})

test('only Ed25519 signatures of the server are listed', () => {
  const object = { signatures: { x: { 'ed25519:1': 'A', 'rsa:1': 'B', 'ed25519:2': 3 }, y: { 'ed25519:3': 'C' } } }
  assert.deepEqual([...signaturesBy(object, 'x')], [['ed25519:1', 'A']])
  assert.equal(signaturesBy({}, 'x').size, 0)
})

test('key files', () => {
  const [parsed] = parseSigningKeys(`ed25519 1 ${seed}\n`)
  assert.equal(parsed?.keyId, 'ed25519:1')
  assert.equal(parsed?.publicKey, key.publicKey)
  assert.equal(parseSigningKeys(`ed25519 a ${seed}\n\n  ed25519 b ${seed}`).length, 2)
  for (const line of [
    'x',
    `rsa 1 ${seed}`,
    'ed25519 1',
    'ed25519 1 AAAA',
    `ed25519 1 ${seed} more`,
    `ed25519 a:b ${seed}`,
  ]) {
    assert.throws(
      () => parseSigningKeys(line),
      (error: Error) => !error.message.includes(seed),
      line,
    )
  }
})

test('generated keys differ and can be read', () => {
  const text = generateSigningKeyText()
  assert.match(text, /^ed25519 a_[A-Za-z0-9]{4} [A-Za-z0-9+/]{43}\n$/)
  assert.notEqual(generateSigningKeyText(), text)
  const [generated] = parseSigningKeys(text)
  assert.ok(verifySignature('data', generated!.publicKey, generated!.sign('data')))
})

test('whatever is signed verifies, and any change is found', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.maxSafeInteger(), { noNullPrototype: true }), (object) => {
      const signed = signJson<JsonObject>(object, 'x', key)
      assert.ok(verifyJson(signed, 'x', key.keyId, key.publicKey))
      assert.ok(!verifyJson({ ...signed, 'a key that is not there': 1 }, 'x', key.keyId, key.publicKey))
    }),
    { numRuns: 30 },
  )
})

test('signatures that are verified aside are judged alike', async () => {
  const signature = key.sign('text')
  const wrong = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
  const cases = [
    ['text', key.publicKey, signature],
    ['other', key.publicKey, signature],
    ['text', key.publicKey, wrong],
    ['text', key.publicKey, 'short'],
    ['text', 'no key', signature],
  ] as const
  for (const [text, publicKey, given] of cases) {
    const isValid = verifySignature(text, publicKey, given)
    assert.equal(await verifySignatureAside(text, publicKey, given), isValid)
  }
  assert.ok(await verifySignatureAside('text', key.publicKey, signature))
})
