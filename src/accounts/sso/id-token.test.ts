import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { test } from 'node:test'
import { IdTokenError, type Jwk, verifyIdToken } from './id-token.ts'

const now = 1_700_000_000_000
const expected = { issuer: 'https://id.example', clientId: 'ringback', nonce: 'n', now }
const good = {
  iss: 'https://id.example',
  sub: '42',
  aud: 'ringback',
  exp: now / 1000 + 60,
  iat: now / 1000,
  nonce: 'n',
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

function make(header: object, claims: object, signer: (data: Buffer) => Buffer): string {
  const data = `${part(header)}.${part(claims)}`
  return `${data}.${signer(Buffer.from(data)).toString('base64url')}`
}

const jwkOf = (key: KeyObject, more: object = {}): Jwk => ({ ...key.export({ format: 'jwk' }), kid: 'k', ...more })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const byEc = (data: Buffer) => sign('sha256', data, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' })
const ecKeys = [jwkOf(ec.publicKey)]
const es256 = { alg: 'ES256', kid: 'k' }

test('tokens signed in the usual ways are believed', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ed = generateKeyPairSync('ed25519')
  const pss = { padding: 6, saltLength: 32 }
  const cases: [string, KeyObject, (data: Buffer) => Buffer][] = [
    ['ES256', ec.publicKey, byEc],
    ['RS256', rsa.publicKey, (data) => sign('sha256', data, rsa.privateKey)],
    ['RS512', rsa.publicKey, (data) => sign('sha512', data, rsa.privateKey)],
    ['PS256', rsa.publicKey, (data) => sign('sha256', data, { key: rsa.privateKey, ...pss })],
    ['EdDSA', ed.publicKey, (data) => sign(null, data, ed.privateKey)],
  ]
  for (const [alg, key, signer] of cases) {
    const other = { kty: 'unknown', kid: 'other' }
    const claims = verifyIdToken(make({ alg, kid: 'k' }, good, signer), [other, jwkOf(key)], expected)
    assert.equal(claims.sub, '42', alg)
  }
  const many = { ...good, aud: ['other', 'ringback'], azp: 'ringback' }
  assert.equal(verifyIdToken(make({ alg: 'ES256' }, many, byEc), ecKeys, expected).sub, '42')
})

test('tokens for others, of others, from other times or without a signature are not', () => {
  const faults: object[] = [
    { iss: 'https://id.example/' },
    { aud: 'other' },
    { aud: ['other'] },
    { aud: ['ringback', 'other'] },
    { azp: 'other' },
    { exp: now / 1000 - 301 },
    { exp: undefined },
    { iat: now / 1000 + 301 },
    { nonce: 'm' },
    { nonce: undefined },
    { sub: '' },
    { sub: 7 },
    { sub: 'x'.repeat(256) },
  ]
  for (const fault of faults) {
    const token = make(es256, { ...good, ...fault }, byEc)
    assert.throws(() => verifyIdToken(token, ecKeys, expected), IdTokenError, JSON.stringify(fault))
  }
  const token = make(es256, good, byEc)
  const [header, , signature] = token.split('.')
  const secret = JSON.stringify(ecKeys[0])
  const hs256 = (data: Buffer) => createHmac('sha256', secret).update(data).digest()
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const cases: [string, Jwk[]][] = [
    [`${header}.${part({ ...good, sub: '43' })}.${signature}`, ecKeys],
    [`${part({ alg: 'none' })}.${part(good)}.`, ecKeys],
    [make({ alg: 'HS256', kid: 'k' }, good, hs256), ecKeys],
    [make({ alg: 'constructor', kid: 'k' }, good, byEc), ecKeys],
    [make({ ...es256, crit: ['x'] }, good, byEc), ecKeys],
    [token, []],
    [token, [jwkOf(other.publicKey)]],
    [token, [jwkOf(ec.publicKey, { kid: 'another' })]],
    [token, [jwkOf(ec.publicKey, { use: 'enc' })]],
    [token, [jwkOf(ec.publicKey, { alg: 'RS256' })]],
    [
      make(es256, good, (d) => sign('sha256', d, { key: p384.privateKey, dsaEncoding: 'ieee-p1363' })),
      [jwkOf(p384.publicKey)],
    ],
    [make({ alg: 'RS256', kid: 'k' }, good, (d) => sign('sha256', d, weak.privateKey)), [jwkOf(weak.publicKey)]],
    [`${header}.${part(good)}`, ecKeys],
    ['', ecKeys],
    ['a.b.c', ecKeys],
  ]
  for (const [i, [wrong, keys]] of cases.entries()) {
    assert.throws(() => verifyIdToken(wrong, keys, expected), IdTokenError, `case ${i}`)
  }
})
