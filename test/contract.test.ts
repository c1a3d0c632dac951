import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApp } from '../src/http/app.ts'
import { endpoint } from '../src/http/endpoint.ts'
import { listen } from '../src/http/listen.ts'
import { createRateLimiter } from '../src/http/rate-limit.ts'
import { errors } from '../src/matrix/errors.ts'
import { systemClock } from '../src/util/clock.ts'
import { silentLog } from '../src/util/log.ts'
import { at, createClient } from './helpers/client.ts'
import { checkResponse } from './helpers/contract.ts'
import { findOperation, hasSpecification } from './helpers/contract-operations.ts'

const skip = hasSpecification ? false : '../shared/matrix-spec is absent'
const seen = (method: string, path: string, status: number, body: unknown) =>
  checkResponse({ method, path, status, body })

test('operations are found by template, by path, by r0 path and with an empty state key', () => {
  const path = (method: string, given: string) => findOperation(method, given)?.path
  const state = '/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}'
  assert.equal(path('GET', state), state)
  assert.equal(path('PUT', '/_matrix/client/r0/rooms/!a%2Fb/state/m.room.name/?x=/y'), state)
  assert.equal(path('GET', '/_matrix/client/v3/devices/'), '/_matrix/client/v3/devices')
  assert.equal(path('GET', '/_matrix/client/v3/pushrules/'), '/_matrix/client/v3/pushrules/')
  assert.equal(path('POST', '/_matrix/client/v3/keys/query'), '/_matrix/client/v3/keys/query')
  assert.equal(path('GET', '/_matrix/client/v3/nothing'), undefined)
})

test('answers are checked against the schema of their status', { skip }, () => {
  assert.deepEqual(seen('GET', '/_matrix/client/v3/account/whoami', 200, { user_id: '@a:b' }), [])
  assert.match(
    seen('GET', '/_matrix/client/v3/account/whoami', 200, {}).join(),
    /must have required property 'user_id'/,
  )
  assert.match(seen('GET', '/_matrix/client/v3/account/whoami', 200, { user_id: 'a' }).join(), /mx-user-id/)
  assert.match(seen('GET', '/_matrix/client/v3/account/whoami', 201, {}).join(), /a status/)
  const event = { type: 'm.room.message', content: {} }
  const join = { '!a:b': { timeline: { events: [event] } } }
  assert.match(seen('GET', '/_matrix/client/v3/sync', 200, { next_batch: 's1', rooms: { join } }).join(), /event_id/)
})

test('errors need their code, except where the specification has another shape', { skip }, () => {
  assert.deepEqual(seen('GET', '/_matrix/client/v3/sync', 403, { errcode: 'M_FORBIDDEN', error: 'No' }), [])
  assert.match(seen('GET', '/_matrix/client/v3/sync', 500, {}).join(), /without errcode/)
  assert.match(seen('GET', '/_matrix/client/v3/nothing', 404, {}).join(), /without errcode/)
  const challenge = { flows: [{ stages: ['m.login.dummy'] }], params: {}, session: 'x' }
  assert.deepEqual(seen('POST', '/_matrix/client/v3/register', 401, challenge), [])
  assert.match(seen('POST', '/_matrix/client/v3/register', 401, {}).join(), /flows/)
})

test('the test client encodes, parses and refuses what is not as specified', { skip }, async (t) => {
  const endpoints = [
    endpoint({ method: 'GET', path: '/_matrix/client/v3/account/whoami', auth: 'none' }, () => ({ user: 1 })),
    endpoint(
      { method: 'GET', path: '/_matrix/client/v3/rooms/{roomId}/joined_members', auth: 'none' },
      ({ params }) => ({
        joined: {},
        room: params.roomId,
      }),
    ),
  ]
  const authenticate = () => {
    throw errors.unknownToken()
  }
  const app = createApp({ endpoints, authenticate, limiter: createRateLimiter(systemClock), log: silentLog })
  const listener = await listen({ host: '127.0.0.1', port: 0, app })
  t.after(() => listener.stop())
  const client = createClient(listener.url)
  assert.equal((await client.get(at`/_matrix/client/v3/rooms/${'!a/b#?:x'}/joined_members`)).room, '!a/b#?:x')
  await assert.rejects(client.get('/_matrix/client/v3/account/whoami'), /not as specified:\n.*user_id/)
  await assert.rejects(client.get('/_matrix/client/v3/account'), /200 expected: .* 404/)
  const unknown = await client.request('GET', '/_matrix/client/v3/account')
  assert.deepEqual([unknown.status, unknown.body.errcode], [404, 'M_UNRECOGNIZED'])
})
