import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MatrixError } from '../matrix/errors.ts'
import type { ServerName, UserId } from '../matrix/ids.ts'
import { createTestClock } from '../util/clock.ts'
import type { Requester } from './endpoint.ts'
import { createRateLimiter, limitRequest } from './rate-limit.ts'

const limits = { message: { perSecond: 2, burst: 3 } }

function retryAfter(take: () => void): unknown {
  try {
    take()
  } catch (error) {
    if (error instanceof MatrixError && error.status === 429) return error.body.retry_after_ms
    throw error
  }
  return undefined
}

test('a bucket holds its burst, says when the next request may come, and fills again', () => {
  const clock = createTestClock()
  const limiter = createRateLimiter(clock, { limits })
  const take = () => limiter.take('message', '@a:b')
  for (let i = 0; i < 3; i++) assert.equal(retryAfter(take), undefined)
  assert.equal(retryAfter(take), 500)
  clock.advance(499)
  assert.equal(retryAfter(take), 1)
  clock.advance(1)
  assert.equal(retryAfter(take), undefined)
  assert.equal(retryAfter(take), 500)
  clock.set(0)
  assert.equal(retryAfter(take), 500)
})

test('users have buckets of their own, and classes too', () => {
  const limiter = createRateLimiter(createTestClock(), { limits: { ...limits, login: { perSecond: 1, burst: 1 } } })
  for (let i = 0; i < 3; i++) limiter.take('message', '@a:b')
  assert.equal(
    retryAfter(() => limiter.take('message', '@c:d')),
    undefined,
  )
  assert.equal(
    retryAfter(() => limiter.take('login', '@a:b')),
    undefined,
  )
})

function from(requester: Requester | undefined, ip: string) {
  return { requester, origin: undefined, ip }
}

test('it can be switched off, and application services and admins are exempt', () => {
  const off = createRateLimiter(createTestClock(), { enabled: false, limits: { login: { perSecond: 1, burst: 0 } } })
  off.take('login', 'x')
  const none = createRateLimiter(createTestClock(), { limits: { login: { perSecond: 1, burst: 0 } } })
  const userId = '@a:b' as UserId
  const user: Requester = { userId, deviceId: undefined, sessionId: 1, isGuest: false, isAdmin: false }
  limitRequest(none, 'login', from({ ...user, isAdmin: true }, '127.0.0.1'))
  const free = { id: 'x', senderUserId: userId, isInterestedIn: () => true }
  limitRequest(none, 'login', from({ ...user, appservice: free }, '127.0.0.1'))
  const appservice = { ...free, senderUserId: '@bot:b' as UserId, isRateLimited: true }
  limitRequest(none, 'login', from({ ...user, appservice, userId: appservice.senderUserId }, '127.0.0.1'))
  assert.throws(() => limitRequest(none, 'login', from({ ...user, appservice }, '127.0.0.1')))
  assert.throws(() => limitRequest(none, 'login', from(user, '127.0.0.1')))
  assert.throws(() => limitRequest(none, 'login', from(undefined, '127.0.0.1')))
})

test('a subscriber cannot go round a limit with the many addresses of an IPv6 network', () => {
  const limiter = createRateLimiter(createTestClock(), { limits: { login: { perSecond: 1, burst: 1 } } })
  limitRequest(limiter, 'login', { requester: undefined, origin: undefined, ip: '2001:db8:1:2::1' })
  assert.throws(
    () => limitRequest(limiter, 'login', { requester: undefined, origin: undefined, ip: '2001:db8:1:2:ffff::2' }),
    {
      errcode: 'M_LIMIT_EXCEEDED',
    },
  )
  limitRequest(limiter, 'login', { requester: undefined, origin: undefined, ip: '2001:db8:1:3::1' })
})

test('another server is limited by its name, from wherever it asks', () => {
  const limiter = createRateLimiter(createTestClock(), { limits: { login: { perSecond: 1, burst: 1 } } })
  const asked = (origin: string, ip: string) => ({ requester: undefined, origin: origin as ServerName, ip })
  limitRequest(limiter, 'login', asked('a.example', '192.0.2.1'))
  limitRequest(limiter, 'login', asked('b.example', '192.0.2.1'))
  assert.throws(() => limitRequest(limiter, 'login', asked('a.example', '192.0.2.2')))
})
