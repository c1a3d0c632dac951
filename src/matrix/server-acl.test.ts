import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from './event.ts'
import { matchesGlob } from './glob.ts'
import type { ServerName } from './ids.ts'
import { isServerAllowed } from './server-acl.ts'

const allowed = (content: JsonObject | undefined, server: string) =>
  isServerAllowed(content && { content }, server as ServerName)

test('globs match whole texts', () => {
  for (const [glob, text] of [
    ['*', ''],
    ['a*c', 'abbbc'],
    ['a?c', 'a😀c'],
    ['*.x', 'a.b.x'],
    ['**', 'a'],
    ['a', 'a'],
    ['*a*b', 'aab'],
  ]) {
    assert.ok(matchesGlob(glob!, text!), `${glob} ${text}`)
  }
  for (const [glob, text] of [
    ['', 'a'],
    ['a', 'ab'],
    ['a?', 'a'],
    ['*.x', 'x'],
    ['A', 'a'],
    ['a.c', 'abc'],
    ['a*b', 'ac'],
  ]) {
    assert.ok(!matchesGlob(glob!, text!), `${glob} ${text}`)
  }
  assert.ok(!matchesGlob('*a'.repeat(40), `${'a'.repeat(5000)}b`))
})

test('a room without ACL is open, an ACL that allows nothing is shut', () => {
  assert.ok(allowed(undefined, 'x'))
  assert.ok(!allowed({}, 'x'))
  assert.ok(!allowed({ allow: 'x' }, 'x'))
})

test('deny beats allow, ports and case do not count', () => {
  const acl = { allow: ['*'], deny: ['*.evil.example', 'Bad.example'] }
  assert.ok(allowed(acl, 'good.example:8448'))
  assert.ok(!allowed(acl, 'bad.example:8448'))
  assert.ok(!allowed(acl, 'www.EVIL.example'))
  assert.ok(allowed(acl, 'evil.example'))
})

test('address literals are allowed unless refused', () => {
  assert.ok(allowed({ allow: ['*'] }, '1.2.3.4:80'))
  for (const server of ['1.2.3.4', '1.2.3.4:80', '[::1]', '[::1]:80']) {
    assert.ok(!allowed({ allow: ['*'], allow_ip_literals: false }, server), server)
  }
  assert.ok(allowed({ allow: ['*'], allow_ip_literals: false }, '1.example'))
  assert.ok(allowed({ allow: ['*'], allow_ip_literals: 'no' }, '1.2.3.4'))
})
