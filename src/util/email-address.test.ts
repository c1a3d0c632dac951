import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalEmail } from './email-address.ts'

test('addresses that mean the same have one form', () => {
  for (const [written, canonical] of [
    ['Alice@Example.ORG', 'alice@example.org'],
    ['a.b+tag@sub.example.org', 'a.b+tag@sub.example.org'],
    ['root@localhost', 'root@localhost'],
    ['jos\u00e9@example.org', 'jos\u00e9@example.org'],
    ['jose\u0301@example.org', 'jos\u00e9@example.org'],
    ['a@b\u00fccher.example', 'a@xn--bcher-kva.example'],
  ] as const) {
    assert.equal(canonicalEmail(written), canonical, written)
  }
})

test('what is not one plain address is none', () => {
  for (const text of [
    '',
    'alice',
    '@example.org',
    'alice@',
    'alice@ex ample.org',
    'a@example.org\r\nBcc: b@example.org',
    'a\n@example.org',
    'a@example.org,b@example.org',
    'a@example.org;b@example.org',
    'Alice <a@example.org>',
    '"a b"@example.org',
    'a@b@example.org',
    'a@[127.0.0.1]',
    'a@127.0.0.1',
    'a@127.1',
    'a@-x.example',
    'a@x..example',
    `${'a'.repeat(65)}@example.org`,
    'a\u0000@example.org',
    'a\u200b@example.org',
    'a\u2028@example.org',
  ]) {
    assert.equal(canonicalEmail(text), undefined, JSON.stringify(text))
  }
})

test('no address can end its line, and its form is stable', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.emailAddress()), fc.string(), (left, right) => {
      for (const text of [left, `${left}@${right}`, `${left}@example.org`]) {
        const canonical = canonicalEmail(text)
        if (canonical === undefined) continue
        assert.match(canonical, /^[^\s\p{C}<>,;:"]+$/u)
        assert.equal(canonicalEmail(canonical), canonical)
      }
    }),
  )
})
