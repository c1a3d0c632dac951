import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signRequest } from './request-signature.ts'
import { signingKeyFromSeed, verifyJson } from './signing.ts'

test('a request is signed with everything that it says', () => {
  const key = signingKeyFromSeed('1', new Uint8Array(32).fill(7))
  const request = { method: 'POST', uri: '/a?b=c', origin: 'here.example', destination: 'there.example:8448' }
  const content = { x: [1, { y: 'z' }] }
  const header = signRequest({ ...request, content }, key)
  const parts = Object.fromEntries(
    [...header.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value] as [string, string]),
  )
  assert.ok(header.startsWith('X-Matrix '))
  assert.deepEqual(
    { ...parts, sig: '' },
    { origin: 'here.example', destination: 'there.example:8448', key: 'ed25519:1', sig: '' },
  )
  const signed = { ...request, content, signatures: { 'here.example': { 'ed25519:1': parts.sig ?? '' } } }
  assert.ok(verifyJson(signed, 'here.example', 'ed25519:1', key.publicKey))
  assert.ok(!verifyJson({ ...signed, content: {} }, 'here.example', 'ed25519:1', key.publicKey))
  assert.doesNotMatch(signRequest(request, key), /content/)
})
