import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatMxc, isMediaId, parseMxc } from './mxc.ts'

test('content URIs are parsed and written', () => {
  for (const uri of ['mxc://example.org/abcDEF_-0', 'mxc://[::1]:8448/a', 'mxc://localhost:8008/x'])
    assert.equal(formatMxc(parseMxc(uri) ?? assert.fail(uri)), uri)
  assert.deepEqual(parseMxc('mxc://a.example/b#auto'), { origin: 'a.example', mediaId: 'b' })
})

test('what could be a path is no media id', () => {
  for (const id of ['', '.', '..', 'a/b', 'a.b', 'a%2fb', 'a\\b', 'a\0', 'ü', 'x'.repeat(256)])
    assert.ok(!isMediaId(id), id)
  const bad = [
    '',
    'mxc://',
    'mxc://a',
    'mxc://a/',
    'mxc:///b',
    'mxc://a/../b',
    'mxc://a b/c',
    'http://a/b',
    'MXC://a/b',
  ]
  for (const uri of bad) assert.equal(parseMxc(uri), undefined, uri)
})
