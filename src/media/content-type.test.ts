import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isInline, readContentType, servedType } from './content-type.ts'

test('types that are none are not believed', () => {
  const good = [
    'image/png',
    'text/plain; charset=utf-8',
    'audio/ogg; codecs="opus"',
    'application/vnd.ms-excel',
    'a/b;',
  ]
  for (const text of good) assert.equal(readContentType(text), text)
  const bad = [undefined, '', 'png', 'a/', '/b', 'a/b/c', 'a b/c', 'text/plain\nx: y', 'a/b; ü', `a/${'b'.repeat(300)}`]
  for (const text of bad) assert.equal(readContentType(text), undefined, text)
})

test('only harmless types are shown in place', () => {
  for (const type of ['image/png', 'IMAGE/PNG', 'text/plain; charset=utf-8', 'audio/ogg; codecs=opus'])
    assert.ok(isInline(type), type)
  for (const type of [
    'image/svg+xml',
    'text/html',
    'application/pdf',
    'text/xml',
    'application/xhtml+xml',
    'image/png2',
  ])
    assert.ok(!isInline(type), type)
})

test('a file is served as what it is', () => {
  const unknown = 'application/octet-stream'
  const cases: [declared: string | null, detected: string | null, served: string][] = [
    [null, 'image/png', unknown],
    ['image/png', 'image/png', 'image/png'],
    ['image/jpeg', 'image/png', 'image/jpeg'],
    ['image/png', null, unknown],
    ['image/png', 'application/zip', unknown],
    ['image/png', 'video/mp4', unknown],
    ['image/svg+xml', 'application/xml', unknown],
    ['audio/mp4', 'video/mp4', 'audio/mp4'],
    ['audio/ogg', 'application/ogg', 'audio/ogg'],
    ['audio/mpeg', null, 'audio/mpeg'],
    ['audio/ogg', 'image/gif', unknown],
    ['text/html', 'image/png', 'text/html'],
    ['application/pdf', null, 'application/pdf'],
  ]
  for (const [declared, detected, served] of cases)
    assert.equal(servedType(declared, detected), served, `${declared} ${detected}`)
})
