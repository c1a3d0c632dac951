import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errors, MatrixError } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { UserId } from '../matrix/ids.ts'
import { createTestClock } from '../util/clock.ts'
import { ReplyError } from './error-reply.ts'
import { createUia, type UiaPolicy, type UiaRequest } from './uia.ts'
import type { UiaSession, UiaStore } from './uia-session.ts'

const alice = '@alice:example.org' as UserId
const bob = '@bob:example.org' as UserId

function memoryStore(): UiaStore {
  const sessions = new Map<string, UiaSession>()
  const change = (id: string, update: (session: UiaSession) => UiaSession) => {
    const session = sessions.get(id)
    if (session) sessions.set(id, update(session))
  }
  return {
    insert: async (session) => void sessions.set(session.sessionId, session),
    get: async (id) => sessions.get(id),
    setBody: async (id, body) => change(id, (session) => ({ ...session, body })),
    addCompleted: async (id, stage, result) =>
      change(id, (session) => ({ ...session, completed: { [stage]: result, ...session.completed } })),
    take: async (id) => sessions.delete(id),
  }
}

function setUp() {
  const clock = createTestClock()
  return { clock, uia: createUia({ store: memoryStore(), clock, lifetimeMs: 1000 }) }
}

const password: UiaPolicy = {
  flows: [['m.login.password']],
  stages: {
    'm.login.password': (auth) => {
      if (auth.password !== 'secret') throw errors.forbidden('Wrong password')
      return { userId: auth.user === 'bob' ? bob : alice }
    },
  },
}

const twoStages: UiaPolicy = {
  flows: [['m.login.registration_token', 'm.login.dummy']],
  params: { 'm.login.registration_token': {} },
  stages: { 'm.login.registration_token': (auth) => ({ result: auth.token ?? null }), 'm.login.dummy': () => ({}) },
}

function request(rawBody: JsonObject, overrides: Partial<UiaRequest> = {}): UiaRequest {
  return {
    method: 'DELETE',
    route: '/_matrix/client/v3/devices/{deviceId}',
    params: { deviceId: 'D1' },
    rawBody,
    requester: { userId: alice, deviceId: undefined, sessionId: 1, isGuest: false, isAdmin: false },
    ...overrides,
  }
}

async function challenged(promise: Promise<unknown>): Promise<JsonObject & { session: string }> {
  const error = await promise.then(
    () => assert.fail('no challenge'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof ReplyError, String(error))
  assert.equal(error.reply.status, 401)
  return error.reply.body as JsonObject & { session: string }
}

const isForbidden = (error: unknown) => error instanceof MatrixError && error.status === 403

test('a request without auth is challenged and then goes on with its session and its first body', async () => {
  const { uia } = setUp()
  const body = await challenged(uia.require(request({ some: 'thing' }), password))
  assert.deepEqual(body.flows, [{ stages: ['m.login.password'] }])
  assert.deepEqual([body.params, body.completed, body.errcode], [{}, [], undefined])
  const auth = { type: 'm.login.password', session: body.session, password: 'secret' }
  const outcome = await uia.require(request({ auth }), password)
  assert.deepEqual(outcome.body, { some: 'thing' })
  await challenged(uia.require(request({ auth: { session: body.session } }), password))
})

test('auth without a session completes a flow of one stage', async () => {
  const { uia } = setUp()
  const outcome = await uia.require(request({ auth: { type: 'm.login.password', password: 'secret' }, a: 1 }), password)
  assert.deepEqual(outcome, { body: { a: 1 }, completed: { 'm.login.password': true } })
})

test('a failed stage is a 401 with the error and the same session', async () => {
  const { uia } = setUp()
  const first = await challenged(uia.require(request({}), password))
  const auth = { type: 'm.login.password', session: first.session, password: 'wrong' }
  const second = await challenged(uia.require(request({ auth }), password))
  assert.deepEqual([second.errcode, second.error, second.session], ['M_FORBIDDEN', 'Wrong password', first.session])
})

test('credentials of another user are forbidden and complete nothing', async () => {
  const { uia } = setUp()
  const { session } = await challenged(uia.require(request({}), password))
  const auth = { type: 'm.login.password', session, user: 'bob', password: 'secret' }
  await assert.rejects(uia.require(request({ auth }), password), isForbidden)
  const again = await challenged(uia.require(request({ auth: { session } }), password))
  assert.deepEqual(again.completed, [])
})

test('a session is good for its operation, its user and its body alone', async () => {
  const { uia } = setUp()
  const { session } = await challenged(uia.require(request({ a: 1 }), twoStages))
  const auth = { type: 'm.login.dummy', session }
  await challenged(uia.require(request({ a: 2, auth }), twoStages))
  await assert.rejects(uia.require(request({ a: 3, auth: { session } }), twoStages), isForbidden)
  const otherDevice = request({ auth }, { params: { deviceId: 'D2' } })
  await assert.rejects(uia.require(otherDevice, twoStages), isForbidden)
  await assert.rejects(uia.require(request({ auth }, { requester: undefined }), twoStages), isForbidden)
})

test('a flow of two stages ends when both are done, also when one is completed from outside', async () => {
  const { uia } = setUp()
  const { session } = await challenged(uia.require(request({}), twoStages))
  const auth = { type: 'm.login.registration_token', session, token: 'T' }
  const middle = await challenged(uia.require(request({ auth, username: 'x' }), twoStages))
  assert.deepEqual([middle.completed, middle.errcode], [['m.login.registration_token'], undefined])
  assert.equal(await uia.complete(session, 'm.login.dummy'), true)
  const outcome = await uia.require(request({ auth: { session } }), twoStages)
  assert.deepEqual(outcome.body, { username: 'x' })
  assert.equal(outcome.completed['m.login.registration_token'], 'T')
})

test('an expired session starts again', async () => {
  const { uia, clock } = setUp()
  const { session } = await challenged(uia.require(request({}), twoStages))
  clock.advance(1000)
  const next = await challenged(uia.require(request({ auth: { session } }), twoStages))
  assert.notEqual(next.session, session)
  assert.equal(next.errcode, 'M_UNKNOWN')
  assert.equal(await uia.get(session), undefined)
  assert.equal(await uia.complete(session, 'm.login.dummy'), false)
})

test('a stage outside the flows does not count, and a flow without stages asks nothing', async () => {
  const { uia } = setUp()
  const body = await challenged(uia.require(request({ auth: { type: 'm.login.dummy' } }), password))
  assert.equal(body.errcode, 'M_UNRECOGNIZED')
  const open = await uia.require(request({ a: 1 }), { flows: [[]], stages: {} })
  assert.deepEqual(open.body, { a: 1 })
})

test('of two requests that end the same session at once only one acts', async () => {
  const { uia } = setUp()
  const { session } = await challenged(uia.require(request({}), password))
  const auth = { type: 'm.login.password', session, password: 'secret' }
  const results = await Promise.allSettled([
    uia.require(request({ auth }), password),
    uia.require(request({ auth }), password),
  ])
  assert.deepEqual(results.map((result) => result.status).sort(), ['fulfilled', 'rejected'])
})
