import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import * as z from 'zod'
import { errors } from '../matrix/errors.ts'
import type { DeviceId, UserId } from '../matrix/ids.ts'
import { createTestClock } from '../util/clock.ts'
import { createLog, silentLog } from '../util/log.ts'
import { type AppOptions, createApp } from './app.ts'
import type { AuthenticateOptions } from './auth.ts'
import { type Endpoint, endpoint, type Requester } from './endpoint.ts'
import { createRateLimiter } from './rate-limit.ts'
import { html, redirect, reply } from './reply.ts'

const alice: Requester = {
  userId: '@alice:example.org' as UserId,
  deviceId: 'A' as DeviceId,
  sessionId: 1,
  isGuest: false,
  isAdmin: false,
}
const appservice = { id: 'irc', senderUserId: alice.userId, isInterestedIn: () => true }
const accounts: Record<string, Requester> = {
  alice,
  guest: { ...alice, isGuest: true },
  admin: { ...alice, isAdmin: true },
  bridge: { ...alice, sessionId: undefined, appservice },
}
const seen: AuthenticateOptions[] = []

function appOf(endpoints: Endpoint[], options: Partial<AppOptions> = {}) {
  const app = createApp({
    endpoints,
    authenticate: (token, given) => {
      seen.push(given)
      const requester = accounts[token]
      if (!requester) throw errors.unknownToken({ softLogout: token === 'expired' })
      return requester
    },
    limiter: createRateLimiter(createTestClock()),
    log: silentLog,
    ...options,
  })
  return async (
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ) => app.fetch(new Request(`http://localhost${path}`, { method, body: body ?? null, headers }))
}

const state = endpoint(
  {
    method: 'PUT',
    path: '/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}',
    also: ['/_matrix/client/v3/rooms/{roomId}/state/{eventType}'],
    auth: 'none',
    body: z.looseObject({}),
    strictNumbers: true,
  },
  ({ params, body, route }) => ({ params, body, route }),
)
const echo = endpoint(
  { method: 'POST', path: '/_matrix/client/v3/echo', auth: 'none', body: z.object({ a: z.number().optional() }) },
  ({ body, rawBody }) => ({ body, rawBody }),
)
const whoami = (auth: 'optional' | 'user' | 'user-or-guest' | 'appservice' | 'admin') =>
  endpoint({ method: 'GET', path: '/_matrix/client/v3/whoami', auth }, ({ requester }) => ({
    user: requester?.userId ?? null,
  }))
const ping = endpoint({ method: 'GET', path: '/_matrix/client/v1/ping', auth: 'none' }, () => ({ pong: true }))

test('identifiers come decoded, with slashes, pluses and empty state keys', async () => {
  const call = appOf([state])
  const paths: [path: string, params: object][] = [
    [
      '/rooms/%21a%2Fb%3Ax.y/state/m.room.name/%40k%3Ax%2B+',
      { roomId: '!a/b:x.y', eventType: 'm.room.name', stateKey: '@k:x++' },
    ],
    ['/rooms/!a:x/state/m.room.name/', { roomId: '!a:x', eventType: 'm.room.name', stateKey: '' }],
    ['/rooms/!a:x/state/m.room.name', { roomId: '!a:x', eventType: 'm.room.name', stateKey: '' }],
    ['/rooms/!a:x/state//key', { roomId: '!a:x', eventType: '', stateKey: 'key' }],
    ['/rooms/!a:x/state//', { roomId: '!a:x', eventType: '', stateKey: '' }],
    ['/rooms/!a:x/state/t/a%2F', { roomId: '!a:x', eventType: 't', stateKey: 'a/' }],
  ]
  for (const [path, params] of paths) {
    for (const version of ['v3', 'r0']) {
      const response = await call('PUT', `/_matrix/client/${version}${path}`, '{}')
      assert.equal(response.status, 200, path)
      assert.deepEqual(await response.json(), { params, body: {}, route: state.path })
    }
  }
})

test('bodies are read whatever their type; empty ones are objects; unknown keys are ignored', async () => {
  const call = appOf([echo])
  const plain = await call('POST', '/_matrix/client/v3/echo/', '{"a":1,"b":2}', { 'content-type': 'text/plain' })
  assert.deepEqual(await plain.json(), { body: { a: 1 }, rawBody: { a: 1, b: 2 } })
  const empty = await call('POST', '/_matrix/client/v3/echo', undefined, { 'content-type': 'application/json' })
  assert.deepEqual(await empty.json(), { body: {}, rawBody: {} })
})

test('bad bodies are answered in the Matrix form', async () => {
  const call = appOf([echo, state, endpoint({ ...echo, path: '/_matrix/client/v3/small', maxBody: 10 }, () => ({}))])
  const errcode = async (path: string, body: string | Uint8Array<ArrayBuffer>, method = 'POST') => {
    const response = await call(method, `/_matrix/client/v3/${path}`, body)
    const answer: unknown = await response.json()
    return `${response.status} ${Reflect.get(Object(answer), 'errcode')}`
  }
  assert.equal(await errcode('echo', '{"a":'), '400 M_NOT_JSON')
  assert.equal(await errcode('echo', Uint8Array.of(0x22, 0xc3, 0x28, 0x22)), '400 M_NOT_JSON')
  assert.equal(await errcode('echo', '[]'), '400 M_BAD_JSON')
  assert.equal(await errcode('echo', '{"a":"1"}'), '400 M_BAD_JSON')
  assert.equal(await errcode('rooms/!a/state/t', '{"a":1.5}', 'PUT'), '400 M_BAD_JSON')
  assert.equal(await errcode('small', '{"a":123456}'), '413 M_TOO_LARGE')
  assert.equal(await errcode('rooms/%FF/state/t', '{}', 'PUT'), '400 M_INVALID_PARAM')
})

test('unknown paths are 404, wrong methods 405, preflights 204, all with CORS', async () => {
  const call = appOf([ping])
  const check = async (method: string, path: string, status: number) => {
    const response = await call(method, path)
    assert.equal(response.status, status, path)
    assert.equal(response.headers.get('access-control-allow-origin'), '*')
    return response
  }
  for (const prefix of ['client/v3', 'client/unstable', 'federation/v1', 'key/v2', 'media/v3', 'nonsense']) {
    const response = await check('GET', `/_matrix/${prefix}/unknown`, 404)
    assert.equal(Reflect.get(Object(await response.json()), 'errcode'), 'M_UNRECOGNIZED')
  }
  const wrong = await check('DELETE', '/_matrix/client/v1/ping', 405)
  assert.equal(Reflect.get(Object(await wrong.json()), 'errcode'), 'M_UNRECOGNIZED')
  assert.equal(wrong.headers.get('allow'), 'GET, HEAD, OPTIONS')
  const preflight = await check('OPTIONS', '/_matrix/client/v1/ping', 204)
  assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /Authorization/)
  await check('OPTIONS', '/_matrix/client/unknown', 204)
  const head = await check('HEAD', '/_matrix/client/v1/ping', 200)
  assert.deepEqual([await head.text(), head.headers.get('content-length')], ['', '13'])
})

test('each kind of authentication lets in whom it should', async () => {
  const status = async (auth: Parameters<typeof whoami>[0], token?: string) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `bearer ${token}` }
    const response = await appOf([whoami(auth)])('GET', '/_matrix/client/v3/whoami', undefined, headers)
    const answer: unknown = await response.json()
    return `${response.status} ${Reflect.get(Object(answer), 'errcode') ?? Reflect.get(Object(answer), 'user')}`
  }
  assert.equal(await status('user'), '401 M_MISSING_TOKEN')
  assert.equal(await status('user', 'nobody'), '401 M_UNKNOWN_TOKEN')
  assert.equal(await status('user', 'alice'), '200 @alice:example.org')
  assert.equal(await status('user', 'guest'), '403 M_GUEST_ACCESS_FORBIDDEN')
  assert.equal(await status('user-or-guest', 'guest'), '200 @alice:example.org')
  assert.equal(await status('optional'), '200 null')
  assert.equal(await status('optional', 'nobody'), '401 M_UNKNOWN_TOKEN')
  assert.equal(await status('admin', 'alice'), '403 M_FORBIDDEN')
  assert.equal(await status('admin', 'admin'), '200 @alice:example.org')
  assert.equal(await status('appservice', 'alice'), '403 M_FORBIDDEN')
  assert.equal(await status('appservice', 'bridge'), '200 @alice:example.org')
})

test('tokens in the query count only where that is allowed, and masquerading reaches the authentication', async () => {
  const path = '/_matrix/client/v3/whoami?access_token=alice&user_id=@b:x&org.matrix.msc3202.device_id=D'
  const allowed = await appOf([whoami('user')])('GET', path)
  assert.equal(allowed.status, 200)
  const given = seen.at(-1)
  assert.deepEqual([given?.userIdParam, given?.deviceIdParam, given?.allowLocked], ['@b:x', 'D', false])
  const refused = await appOf([whoami('user')], { allowQueryToken: false })('GET', path)
  assert.equal(refused.status, 401)
})

test('requests beyond the limit are 429 with the delay in header and body', async () => {
  const limited = endpoint(
    { method: 'POST', path: '/_matrix/client/v3/login', auth: 'none', limit: 'login' },
    () => ({}),
  )
  const limiter = createRateLimiter(createTestClock(), { limits: { login: { perSecond: 0.5, burst: 1 } } })
  const call = appOf([limited], { limiter })
  assert.equal((await call('POST', '/_matrix/client/v3/login')).status, 200)
  const response = await call('POST', '/_matrix/client/v3/login')
  assert.deepEqual([response.status, response.headers.get('retry-after')], [429, '2'])
  assert.equal(Reflect.get(Object(await response.json()), 'retry_after_ms'), 2000)
})

test('replies: pages, redirects, bytes, streams and no body', async () => {
  const get = (path: string, handle: () => object) => endpoint({ method: 'GET', path, auth: 'none' }, handle)
  const call = appOf([
    get('/page', () => html('<p>hello</p>', 403)),
    get('/away', () => redirect('/page')),
    get('/bytes', () => reply(200, Uint8Array.of(1, 2), { 'content-type': 'image/png' })),
    get('/stream', () =>
      reply(200, Readable.from([Buffer.from('ab'), Buffer.from('cd')]), { 'Content-Type': 'text/x' }),
    ),
    get('/nothing', () => reply(204)),
    get('/list', () => [1]),
  ])
  const page = await call('GET', '/page')
  assert.deepEqual([page.status, page.headers.get('content-type')], [403, 'text/html; charset=utf-8'])
  assert.match(page.headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/)
  const away = await call('GET', '/away')
  assert.deepEqual([away.status, away.headers.get('location')], [302, '/page'])
  const bytes = await call('GET', '/bytes')
  assert.deepEqual([bytes.headers.get('content-type'), (await bytes.arrayBuffer()).byteLength], ['image/png', 2])
  assert.equal(await (await call('GET', '/stream')).text(), 'abcd')
  assert.equal((await call('GET', '/nothing')).status, 204)
  assert.deepEqual(await (await call('GET', '/list')).json(), [1])
})

test('a handler may read the body by itself, within the limit', async () => {
  const raw = (path: string, handle: Endpoint['handle']) => ({
    ...ping,
    method: 'POST' as const,
    path,
    maxBody: 6,
    handle,
  })
  const call = appOf([
    raw('/form', async (request) => Object.fromEntries(await request.form())),
    raw('/stream', async (request) => ({ text: await text(request.pieces()) })),
  ])
  assert.deepEqual(await (await call('POST', '/form', 'a=b+c')).json(), { a: 'b c' })
  assert.deepEqual(await (await call('POST', '/stream', '123456')).json(), { text: '123456' })
  assert.equal((await call('POST', '/stream', '1234567')).status, 413)
  assert.equal((await call('POST', '/form', '1234567')).status, 413)
})

test('a fault of a handler is 500 without details, its line and the request line name template and request id only', async () => {
  const lines: string[] = []
  const log = createLog({ level: 'info', format: 'json', write: (line) => void lines.push(line) })
  const broken = endpoint({ method: 'GET', path: '/_matrix/client/v3/rooms/{roomId}/x', auth: 'user' }, () => {
    throw new Error('inner detail')
  })
  const response = await appOf([broken], { log })('GET', '/_matrix/client/v3/rooms/!secret:x/x?access_token=alice')
  assert.equal(response.status, 500)
  assert.doesNotMatch(await response.text(), /inner/)
  const requestId = response.headers.get('x-request-id') ?? ''
  const [fault, access] = lines.map((line): Record<string, unknown> => JSON.parse(line))
  assert.equal(fault?.request, requestId)
  assert.deepEqual(
    [access?.request, access?.method, access?.route, access?.status, access?.user],
    [requestId, 'GET', broken.path, 500, alice.userId],
  )
  assert.doesNotMatch(lines.join(''), /secret|access_token/)
})

test('an app serves the surfaces that it is told to, and health everywhere', async () => {
  const health = endpoint({ method: 'GET', path: '/health', auth: 'none' }, () => ({}))
  const key = endpoint({ method: 'GET', path: '/_matrix/key/v2/server', auth: 'none' }, () => ({}))
  const call = appOf([ping, health, key], { serves: ['federation'] })
  const statuses = await Promise.all(
    [ping.path, health.path, key.path].map(async (path) => (await call('GET', path)).status),
  )
  assert.deepEqual(statuses, [404, 200, 200])
})
