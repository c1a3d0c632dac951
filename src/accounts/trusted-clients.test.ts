import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTrustedClient } from './trusted-clients.ts'

test('only addresses beneath those that were named are trusted', () => {
  const config = {
    public_url: 'https://matrix.example.org',
    trusted_clients: ['https://chat.example.org', 'https://example.org/app', 'com.example.app://login'],
  }
  const cases: [string, boolean][] = [
    ['https://matrix.example.org/x', true],
    ['https://chat.example.org/', true],
    ['https://chat.example.org/?a=b#/c', true],
    ['https://example.org/app', true],
    ['https://example.org/app/x', true],
    ['com.example.app://login', true],
    ['com.example.app://login/x?y', true],
    ['http://chat.example.org/', false],
    ['https://chat.example.org.evil.example/', false],
    ['https://chat.example.org:444/', false],
    ['https://chat.example.org@evil.example/', false],
    ['https://example.org/application', false],
    ['https://example.org/app/../other', false],
    ['https://example.org/', false],
    ['com.example.app://other', false],
    ['javascript:alert(1)', false],
    ['/app', false],
    ['', false],
  ]
  for (const [address, expected] of cases) assert.equal(isTrustedClient(config, address), expected, address)
})
