import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SegmentRouter } from './router.ts'

function routerOf(...routes: string[]) {
  const router = new SegmentRouter<string>()
  for (const route of routes) {
    const [method = '', path = ''] = route.split(' ')
    router.add(method, path, route)
  }
  router.add('ALL', '/*', 'nothing')
  return (method: string, path: string) => router.match(method, path)[0][0]?.[0]
}

test('fixed segments win over variables, in whatever order they were added', () => {
  const match = routerOf('GET /profile/{userId}/{key}', 'GET /profile/{userId}/displayname', 'GET /profile/me/{key}')
  assert.equal(match('GET', '/profile/@a:b/displayname'), 'GET /profile/{userId}/displayname')
  assert.equal(match('GET', '/profile/@a:b/m.tz'), 'GET /profile/{userId}/{key}')
  assert.equal(match('GET', '/profile/me/m.tz'), 'GET /profile/me/{key}')
})

test('a variable path is found behind a fixed one that lacks the method or the rest', () => {
  const match = routerOf('GET /a/{x}/name', 'PUT /a/{x}/{key}', 'GET /a/fixed/only', 'GET /a/{x}/other')
  assert.equal(match('PUT', '/a/1/name'), 'PUT /a/{x}/{key}')
  assert.equal(match('GET', '/a/fixed/other'), 'GET /a/{x}/other')
})

test('encoded slashes belong to their segment and empty segments match variables', () => {
  const match = routerOf('GET /rooms/{roomId}/state/{type}/{key}', 'GET /rooms/{roomId}/state/{type}')
  assert.equal(match('GET', '/rooms/!a%2Fb/state/t'), 'GET /rooms/{roomId}/state/{type}')
  assert.equal(match('GET', '/rooms/!a/state//key'), 'GET /rooms/{roomId}/state/{type}/{key}')
  assert.equal(match('GET', '/rooms/!a/state/t/k/more'), 'nothing')
})

test('the methods of a path tell a wrong method from an unknown path', () => {
  const router = new SegmentRouter<string>()
  router.add('PUT', '/a/{x}', 'put')
  router.add('GET', '/a/b', 'get')
  assert.deepEqual(router.methodsAt('/a/b'), ['GET', 'PUT'])
  assert.deepEqual(router.methodsAt('/a/c'), ['PUT'])
  assert.deepEqual(router.methodsAt('/b'), [])
  assert.deepEqual(router.match('GET', '/b'), [[]])
})

test('two endpoints for one method and path are refused', () => {
  assert.throws(() => routerOf('GET /a/{x}', 'GET /a/{y}'), /two endpoints/)
})
