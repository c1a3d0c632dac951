import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MatrixError } from '../matrix/errors.ts'
import { paramReader, pathsOf, routingPath, surfaceOf } from './paths.ts'

test('v3 paths have r0 forms, aliases too, and v1 paths have none', () => {
  assert.deepEqual(pathsOf({ path: '/_matrix/client/v3/sync', also: ['/_matrix/client/v3/other/'] }), [
    '/_matrix/client/v3/sync',
    '/_matrix/client/v3/other',
    '/_matrix/client/r0/sync',
    '/_matrix/client/r0/other',
  ])
  assert.deepEqual(pathsOf({ path: '/_matrix/media/v3/config' }), [
    '/_matrix/media/v3/config',
    '/_matrix/media/r0/config',
  ])
  assert.deepEqual(pathsOf({ path: '/_matrix/client/v1/media/config' }), ['/_matrix/client/v1/media/config'])
})

test('each path has a surface', () => {
  const expected = {
    '/_matrix/client/v3/sync': 'client',
    '/_matrix/client/v1/media/config': 'media',
    '/_matrix/media/v3/upload': 'media',
    '/_matrix/federation/v1/version': 'federation',
    '/_matrix/federation/v1/media/download/{mediaId}': 'federation',
    '/_matrix/key/v2/server': 'federation',
    '/.well-known/matrix/client': 'client',
    '/.well-known/matrix/server': 'federation',
    '/_synapse/admin/v1/register': 'admin',
    '/_ringback/v1/calls': 'client',
    '/setup/{token}': 'pages',
  }
  for (const [path, surface] of Object.entries(expected)) assert.equal(surfaceOf(path), surface, path)
})

test('a routing path has neither query nor trailing slash, and keeps its encoding', () => {
  assert.equal(routingPath('/_matrix/client/v3/rooms/%21a%2Fb/?x=/y/'), '/_matrix/client/v3/rooms/%21a%2Fb')
  assert.equal(routingPath('//_matrix/client/versions'), '/_matrix/client/versions')
  assert.equal(routingPath('/'), '/')
})

test('parameters are decoded once, and those that the template lacks are empty', () => {
  const read = paramReader('/rooms/{roomId}/state/{type}', ['roomId', 'type', 'key'])
  assert.deepEqual(read('/rooms/%21a%2Fb%3Ax.y%2523+/state/'), { roomId: '!a/b:x.y%23+', type: '', key: '' })
  assert.deepEqual(read('/rooms/#a:b/state/%F0%9F%A6%8A'), { roomId: '#a:b', type: '🦊', key: '' })
  for (const path of ['/rooms/%FF/state/a', '/rooms/%/state/a']) {
    assert.throws(
      () => read(path),
      (error) => error instanceof MatrixError && error.errcode === 'M_INVALID_PARAM',
    )
  }
})
