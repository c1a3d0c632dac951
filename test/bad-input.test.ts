import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import { createLog } from '../src/util/log.ts'
import { at } from './helpers/client.ts'
import { sendRaw } from './helpers/raw-http.ts'
import { createTestServer, password, type TestServer, type TestUser } from './helpers/server.ts'

/** What the server logged as faults of its own. */
const faults: string[] = []
const log = createLog({ level: 'error', format: 'json', write: (line) => void faults.push(line) })

let server: TestServer
let alice: TestUser
let bob: TestUser
let roomId: string

before(async () => {
  server = await createTestServer({ log })
  alice = await server.user('alice')
  bob = await server.user('bob')
  roomId = (await alice.post<{ room_id: string }>('/_matrix/client/v3/createRoom')).room_id
})

after(async () => {
  await server.stop()
  assert.deepEqual(faults, [], 'faults in the log')
})

type Body = object | string | Uint8Array<ArrayBuffer>
type Expected = readonly [status: number, errcode: string]

/** The answer must be a Matrix error that every web page may read. */
async function refused(user: TestUser | TestServer['client'], method: string, path: string, body?: Body) {
  const answer = await user.request<{ errcode: string; error: string }>(
    method,
    path,
    body === undefined ? {} : { body },
  )
  assert.equal(typeof answer.body.error, 'string', `${method} ${path} -> ${answer.text.slice(0, 200)}`)
  assert.equal(answer.headers.get('access-control-allow-origin'), '*')
  return [answer.status, answer.body.errcode] as const
}

const sendPath = (room: string, type = 'm.room.message') =>
  at`/_matrix/client/v3/rooms/${room}/send/${type}/${`t${Math.floor(performance.now() * 1000)}`}`

const bytes = (...parts: (string | number[])[]) =>
  new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part)))))

test('bodies that are no JSON, or not the JSON of an event', async () => {
  const nested = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`
  const cases: [body: Body, expected: Expected][] = [
    ['{', [400, 'M_NOT_JSON']],
    ['{"a":1,}', [400, 'M_NOT_JSON']],
    ["{'a':1}", [400, 'M_NOT_JSON']],
    ['{"a":NaN}', [400, 'M_NOT_JSON']],
    ['{"a":01}', [400, 'M_NOT_JSON']],
    ['hello', [400, 'M_NOT_JSON']],
    ['{}{}', [400, 'M_NOT_JSON']],
    ['\u0000', [400, 'M_NOT_JSON']],
    [bytes('{"a":"', [0xff, 0xfe], '"}'), [400, 'M_NOT_JSON']],
    [bytes('{"a":"', [0xc3], '"}'), [400, 'M_NOT_JSON']],
    [bytes('{"a":"', [0xed, 0xa0, 0x80], '"}'), [400, 'M_NOT_JSON']],
    ['[]', [400, 'M_BAD_JSON']],
    ['null', [400, 'M_BAD_JSON']],
    ['"text"', [400, 'M_BAD_JSON']],
    ['7', [400, 'M_BAD_JSON']],
    ['{"a":1.5}', [400, 'M_BAD_JSON']],
    ['{"a":1.0}', [400, 'M_BAD_JSON']],
    ['{"a":1e3}', [400, 'M_BAD_JSON']],
    ['{"a":{"b":[0.1]}}', [400, 'M_BAD_JSON']],
    ['{"a":9007199254740992}', [400, 'M_BAD_JSON']],
    ['{"a":-9007199254740992}', [400, 'M_BAD_JSON']],
    ['{"a":1e400}', [400, 'M_BAD_JSON']],
    ['{"a":"\\ud800"}', [400, 'M_BAD_JSON']],
    ['{"\\udc00":1}', [400, 'M_BAD_JSON']],
    [nested(101), [400, 'M_BAD_JSON']],
    [nested(100_000), [400, 'M_BAD_JSON']],
    [`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`, [400, 'M_BAD_JSON']],
  ]
  for (const [body, expected] of cases) {
    const shown = typeof body === 'string' ? body.slice(0, 60) : Buffer.from(body as Uint8Array).toString('latin1')
    assert.deepEqual(await refused(alice, 'PUT', sendPath(roomId), body), expected, shown)
    assert.deepEqual(
      await refused(alice, 'PUT', at`/_matrix/client/v3/rooms/${roomId}/state/net.example.state/key`, body),
      expected,
      shown,
    )
  }
  for (const body of ['{"a":9007199254740991}', '{"a":-9007199254740991}', '{"a":"\\ud83d\\ude00"}', nested(90)])
    assert.equal((await alice.request('PUT', sendPath(roomId), { body })).status, 200, body)
})

test('events and bodies that are too large', async () => {
  const text = (length: number) => ({ msgtype: 'm.text', body: 'x'.repeat(length) })
  assert.deepEqual(await refused(alice, 'PUT', sendPath(roomId), text(65_536)), [413, 'M_TOO_LARGE'])
  assert.deepEqual(await refused(alice, 'PUT', sendPath(roomId), text(65_300)), [413, 'M_TOO_LARGE'])
  const state = at`/_matrix/client/v3/rooms/${roomId}/state/net.example.state/key`
  assert.deepEqual(await refused(alice, 'PUT', state, text(65_536)), [413, 'M_TOO_LARGE'])
  assert.equal((await alice.request('PUT', sendPath(roomId), { body: text(63_000) })).status, 200)
  const initial_state = [{ type: 'net.example.state', content: text(70_000) }]
  assert.deepEqual(await refused(alice, 'POST', '/_matrix/client/v3/createRoom', { initial_state }), [
    413,
    'M_TOO_LARGE',
  ])
  assert.deepEqual(await refused(alice, 'PUT', sendPath(roomId), text(30_000_000)), [413, 'M_TOO_LARGE'])
  const anonymous = { type: 'm.login.password', password: 'x'.repeat(2_000_000) }
  assert.deepEqual(await refused(server.client, 'POST', '/_matrix/client/v3/login', anonymous), [413, 'M_TOO_LARGE'])
  const long = 'y'.repeat(256)
  for (const path of [
    at`/_matrix/client/v3/rooms/${roomId}/state/net.example.state/${long}`,
    at`/_matrix/client/v3/rooms/${roomId}/state/${long}/key`,
    at`/_matrix/client/v3/rooms/${roomId}/send/${long}/t`,
  ]) {
    const [status] = await refused(alice, 'PUT', path, {})
    assert.ok(status === 400 || status === 413, `${status} ${path}`)
  }
})

test('rooms, events, users and aliases that do not exist', async () => {
  const strange = ['!nothing:localhost', `!${'A'.repeat(43)}`, 'nonsense', '!', '!a:b:c', '#room:localhost', '%', '🦊']
  const forbidden: [method: string, path: (room: string) => string, body?: object][] = [
    ['PUT', (room) => at`/_matrix/client/v3/rooms/${room}/send/m.room.message/t`, {}],
    ['PUT', (room) => at`/_matrix/client/v3/rooms/${room}/state/m.room.name/`, { name: 'x' }],
    ['GET', (room) => at`/_matrix/client/v3/rooms/${room}/state`],
    ['GET', (room) => at`/_matrix/client/v3/rooms/${room}/state/m.room.name/`],
    ['GET', (room) => at`/_matrix/client/v3/rooms/${room}/messages?dir=b`],
    ['GET', (room) => at`/_matrix/client/v3/rooms/${room}/members`],
    ['GET', (room) => at`/_matrix/client/v3/rooms/${room}/joined_members`],
    ['GET', (room) => at`/_matrix/client/v3/rooms/${room}/event/$x`],
    ['GET', (room) => at`/_matrix/client/v3/rooms/${room}/context/$x`],
    ['POST', (room) => at`/_matrix/client/v3/rooms/${room}/invite`, { user_id: bob.userId }],
    ['POST', (room) => at`/_matrix/client/v3/rooms/${room}/kick`, { user_id: bob.userId }],
    ['POST', (room) => at`/_matrix/client/v3/rooms/${room}/leave`, {}],
    ['POST', (room) => at`/_matrix/client/v3/rooms/${room}/forget`, {}],
    ['POST', (room) => at`/_matrix/client/v3/rooms/${room}/upgrade`, { new_version: '12' }],
    ['POST', (room) => at`/_matrix/client/v3/rooms/${room}/receipt/m.read/$x`, {}],
    ['POST', (room) => at`/_matrix/client/v3/rooms/${room}/read_markers`, { 'm.fully_read': '$x' }],
    ['PUT', (room) => at`/_matrix/client/v3/rooms/${room}/typing/${alice.userId}`, { typing: true }],
    ['PUT', (room) => at`/_matrix/client/v3/rooms/${room}/redact/$x/t`, {}],
    ['POST', (room) => at`/_matrix/client/v3/join/${room}`, {}],
    ['POST', (room) => at`/_matrix/client/v3/knock/${room}`, {}],
  ]
  for (const room of strange) {
    for (const [method, path, body] of forbidden) {
      const [status] = await refused(alice, method, path(room), body)
      assert.ok(status >= 400 && status < 500, `${method} ${path(room)} -> ${status}`)
    }
  }
  // To somebody who is not in it a room is as good as none.
  for (const [method, path, body] of forbidden) {
    const [status] = await refused(bob, method, path(roomId), body)
    assert.ok(status === 403 || status === 404 || status === 400, `${method} ${path(roomId)} -> ${status}`)
  }
  const none = '$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
  const event = at`/_matrix/client/v3/rooms/${roomId}/event/${none}`
  assert.deepEqual(await refused(alice, 'GET', event), [404, 'M_NOT_FOUND'])
  const alias = at`/_matrix/client/v3/directory/room/${'#nothing:localhost'}`
  assert.deepEqual(await refused(alice, 'GET', alias), [404, 'M_NOT_FOUND'])
  const profile = at`/_matrix/client/v3/profile/${'@nobody:localhost'}`
  assert.deepEqual(await refused(alice, 'GET', profile), [404, 'M_NOT_FOUND'])
})

test('tokens that are missing, forged, ended or in the wrong place', async () => {
  const whoami = '/_matrix/client/v3/account/whoami'
  assert.deepEqual(await refused(server.client, 'GET', whoami), [401, 'M_MISSING_TOKEN'])
  const { accessToken } = await server.login('alice')
  const last = accessToken.at(-1) === 'a' ? 'b' : 'a'
  const forged = [
    'nonsense',
    ' ',
    `${accessToken}x`,
    accessToken.slice(0, -1),
    accessToken.slice(0, -1) + last,
    accessToken.toUpperCase(),
    'x'.repeat(10_000),
    "' or 1=1 --",
    '%00',
    'a.b.c',
  ]
  for (const token of forged) {
    const [status, errcode] = await refused(server.client.as(token), 'GET', whoami)
    assert.equal(status, 401, token.slice(0, 80))
    assert.match(errcode, /^M_(UNKNOWN|MISSING)_TOKEN$/)
  }
  for (const Authorization of ['Bearer', 'Bearer ', accessToken, `Basic ${accessToken}`, 'Bearer a b c']) {
    const { status } = await server.client.request('GET', whoami, { headers: { Authorization } })
    assert.equal(status, 401, Authorization)
  }
  const user = server.client.as(accessToken)
  await user.post('/_matrix/client/v3/logout')
  assert.deepEqual(await refused(user, 'GET', whoami), [401, 'M_UNKNOWN_TOKEN'])
  assert.deepEqual(await refused(user, 'POST', '/_matrix/client/v3/logout'), [401, 'M_UNKNOWN_TOKEN'])
})

test('tokens that have expired say that the login can be renewed', async () => {
  const clock = createTestClock()
  await using own = await createTestServer({ log, clock })
  await own.user('carol')
  const { access_token, refresh_token, expires_in_ms } = await own.client.post<{
    access_token: string
    refresh_token: string
    expires_in_ms: number
  }>('/_matrix/client/v3/login', {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: 'carol' },
    password,
    refresh_token: true,
  })
  const carol = own.client.as(access_token)
  await carol.get('/_matrix/client/v3/account/whoami')
  await clock.advance(expires_in_ms + 1)
  const { status, body } = await carol.request('GET', '/_matrix/client/v3/account/whoami')
  assert.deepEqual([status, body.errcode, body.soft_logout], [401, 'M_UNKNOWN_TOKEN', true])
  const renewed = await own.client.post<{ access_token: string }>('/_matrix/client/v3/refresh', { refresh_token })
  await own.client.as(renewed.access_token).get('/_matrix/client/v3/account/whoami')
  assert.deepEqual(await refused(own.client, 'POST', '/_matrix/client/v3/refresh', { refresh_token: 'forged' }), [
    401,
    'M_UNKNOWN_TOKEN',
  ])
})

test('a transaction id that is used again is the same request, whatever its body', async () => {
  const path = at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${'again and/again?'}`
  const first = await alice.put(path, { msgtype: 'm.text', body: 'one' })
  assert.deepEqual(await alice.put(path, { msgtype: 'm.text', body: 'two' }), first)
  const together = await Promise.all([1, 2, 3, 4].map((n) => alice.put(`${path}-race`, { body: `${n}` })))
  assert.equal(new Set(together.map(({ event_id }) => event_id)).size, 1)
  const other = await server.login('alice')
  assert.notDeepEqual(await other.put(path, { msgtype: 'm.text', body: 'one' }), first)
})

test('filters, tokens and numbers of queries that mean nothing', async () => {
  const cases: [path: string, status: number][] = [
    ['/_matrix/client/v3/sync?since=nonsense', 400],
    ['/_matrix/client/v3/sync?since=s99999999999999999999_0', 400],
    ['/_matrix/client/v3/sync?timeout=soon', 400],
    ['/_matrix/client/v3/sync?timeout=0&filter=%7B', 400],
    ['/_matrix/client/v3/sync?timeout=0&filter=%7B%22room%22%3A3%7D', 400],
    ['/_matrix/client/v3/sync?timeout=0&filter=99999', 400],
    [at`/_matrix/client/v3/rooms/${roomId}/messages?dir=x`, 400],
    [at`/_matrix/client/v3/rooms/${roomId}/messages`, 400],
    [at`/_matrix/client/v3/rooms/${roomId}/messages?dir=b&from=nonsense`, 400],
    [at`/_matrix/client/v3/rooms/${roomId}/messages?dir=b&limit=ten`, 400],
    [at`/_matrix/client/v3/rooms/${roomId}/messages?dir=b&filter=%5B%5D`, 400],
    [at`/_matrix/client/v3/rooms/${roomId}/members?at=nonsense`, 400],
    [at`/_matrix/client/v3/rooms/${roomId}/members?membership=strange`, 400],
  ]
  for (const [path, status] of cases) {
    const [given] = await refused(alice, 'GET', path)
    assert.equal(given, status, path)
  }
})

test('paths and methods that nobody has', async () => {
  const unknown: Expected = [404, 'M_UNRECOGNIZED']
  assert.deepEqual(await refused(alice, 'GET', '/_matrix/client/v3/nothing'), unknown)
  assert.deepEqual(await refused(alice, 'GET', '/_matrix/client/v99/sync'), unknown)
  assert.deepEqual(await refused(alice, 'GET', '/_matrix'), unknown)
  assert.deepEqual(await refused(alice, 'GET', `/${'x'.repeat(8000)}`), unknown)
  assert.deepEqual(await refused(alice, 'GET', `/${'a/'.repeat(4000)}`), unknown)
  const wrong: Expected = [405, 'M_UNRECOGNIZED']
  assert.deepEqual(await refused(alice, 'POST', '/_matrix/client/v3/sync', {}), wrong)
  assert.deepEqual(await refused(alice, 'PATCH', '/_matrix/client/v3/sync', {}), wrong)
  assert.deepEqual(await refused(alice, 'DELETE', '/_matrix/client/versions'), wrong)
  for (const path of ['%', '%zz', '%ff', '%c3%28', '..%2f..%2fetc%2fpasswd', '%00']) {
    const [status] = await refused(alice, 'GET', `/_matrix/client/v3/rooms/${path}/state`)
    assert.ok(status >= 400 && status < 500, `${path} -> ${status}`)
  }
})

test('requests that are hardly HTTP', async () => {
  const close = 'Host: localhost\r\nConnection: close\r\n'
  const versions = '/_matrix/client/versions HTTP/1.1\r\n'
  const login = `POST /_matrix/client/v3/login HTTP/1.1\r\n${close}`
  const cases: [request: string, status: RegExp][] = [
    [`GET ${versions}${close}X: ${'x'.repeat(100_000)}\r\n\r\n`, /^431$/],
    [`GET /${'x'.repeat(100_000)} HTTP/1.1\r\n${close}\r\n`, /^431$/],
    ['nonsense\r\n\r\n', /^400$/],
    ['\u0016\u0003\u0001\r\n\r\n', /^400$/],
    [`BREW ${versions}${close}\r\n`, /^400$/],
    [`SEARCH ${versions}${close}\r\n`, /^405$/],
    [`TRACE ${versions}${close}\r\n`, /^405$/],
    [`GET ${versions}Host: a b\r\nConnection: close\r\n\r\n`, /^400$/],
    [`GET * HTTP/1.1\r\n${close}\r\n`, /^400$/],
    [`${login}Content-Length: -1\r\n\r\n`, /^400$/],
    [`${login}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, /^400$/],
    [`${login}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, /^400$/],
    [`${login}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, /^400$/],
  ]
  for (const [request, status] of cases) {
    const answer = await sendRaw(server.url, request)
    const shown = `${JSON.stringify(request.slice(0, 80))} -> ${answer}`
    assert.match(answer.split(' ')[1] ?? '', status, shown)
    const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))
    assert.match(body.errcode, /^M_/, shown)
    assert.match(answer, /\r\nAccess-Control-Allow-Origin: \*\r\n/i, shown)
  }
  await sendRaw(server.url, `${login}Content-Length: 10\r\n\r\n{`, { hangUp: true })
  await sendRaw(server.url, `GET ${versions}${close}\r\n`, { hangUp: true })
  assert.equal((await server.client.request('GET', '/_matrix/client/versions')).status, 200)
})
