import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireRedirectUrl, withLoginToken } from './redirect-url.ts'

test('a login leads back to clients of the web and to apps, and to nothing that runs in the page', () => {
  for (const url of [
    'https://app.element.io/?a=b#/c',
    'http://localhost:8080/',
    'element://connect',
    'io.element.desktop:/vector/webapp/?x=y',
  ]) {
    assert.equal(requireRedirectUrl(url), url)
  }
  for (const url of [
    '',
    '/relative',
    '//app.example',
    'app.example',
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'https://user:pass@app.example',
    'https://app.example/\r\nSet-Cookie: a=b',
    'https:\\\\evil.example',
    `https://app.example/${'x'.repeat(5000)}`,
  ]) {
    assert.throws(() => requireRedirectUrl(url), /redirectUrl/, url.slice(0, 50))
  }
})

test('the token is added to what the client gave, and replaces an earlier one', () => {
  const cases = [
    ['https://a.example', 'https://a.example?loginToken=t%2F'],
    ['https://a.example/?', 'https://a.example/?loginToken=t%2F'],
    ['https://a.example/?x=a%20b&y=?', 'https://a.example/?x=a%20b&y=?&loginToken=t%2F'],
    ['https://a.example/#/room#x', 'https://a.example/?loginToken=t%2F#/room#x'],
    ['https://a.example/?loginToken=old&z=1#h', 'https://a.example/?z=1&loginToken=t%2F#h'],
    ['element://connect', 'element://connect?loginToken=t%2F'],
  ] as const
  for (const [url, expected] of cases) assert.equal(withLoginToken(url, 't/'), expected)
})
