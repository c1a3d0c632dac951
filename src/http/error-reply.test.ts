import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errors } from '../matrix/errors.ts'
import { FetchError } from '../util/fetch-error.ts'
import { createLog, silentLog } from '../util/log.ts'
import { errorReply, ReplyError } from './error-reply.ts'
import { reply } from './reply.ts'

test('a Matrix error is answered as it says, with Retry-After where it has a delay', () => {
  const forbidden = errorReply(errors.forbidden('No'), silentLog)
  assert.deepEqual([forbidden.status, forbidden.body], [403, { errcode: 'M_FORBIDDEN', error: 'No' }])
  const limited = errorReply(errors.limitExceeded(1500), silentLog)
  assert.deepEqual([limited.status, limited.headers], [429, { 'Retry-After': '2' }])
})

test('an unexpected error is logged and answered without details', () => {
  const lines: string[] = []
  const log = createLog({ level: 'info', format: 'json', write: (line) => void lines.push(line) })
  const answer = errorReply(new Error('the inner secret'), log)
  assert.equal(answer.status, 500)
  assert.deepEqual(answer.body, { errcode: 'M_UNKNOWN', error: 'Internal server error' })
  assert.match(lines.join(''), /the inner secret/)
})

test('storage faults are said in a plain sentence, also when another error wraps them', () => {
  const fault = (code: string) => errorReply(Object.assign(new Error('x'), { code }), silentLog)
  assert.equal(fault('SQLITE_FULL').status, 507)
  assert.equal(fault('53100').status, 507)
  assert.equal(fault('SQLITE_READONLY').status, 503)
  assert.equal(fault('SQLITE_IOERR_WRITE').status, 503)
  assert.equal(fault('SQLITE_BUSY').status, 503)
  assert.equal(fault('SQLITE_CONSTRAINT_UNIQUE').status, 500)
  const wrapped = new Error('write failed', { cause: Object.assign(new Error('x'), { code: 'ENOSPC' }) })
  assert.deepEqual(errorReply(wrapped, silentLog).body, {
    errcode: 'M_UNKNOWN',
    error: 'The disk of the server is full',
  })
})

test('an error may bring its own answer', () => {
  const own = reply(401, { session: 'x' })
  assert.equal(errorReply(new ReplyError(own), silentLog), own)
})

test('a character that PostgreSQL cannot store is a fault of the request', () => {
  const answer = errorReply(Object.assign(new Error('x'), { code: '22021' }), silentLog)
  assert.deepEqual([answer.status, Object(answer.body).errcode], [400, 'M_INVALID_PARAM'])
})

test('another machine that cannot be reached is not a fault of this one', () => {
  const lines: string[] = []
  const log = createLog({ level: 'warn', format: 'json', write: (line) => void lines.push(line) })
  const answer = errorReply(new FetchError('network', 'the request to inner.example failed'), log)
  assert.deepEqual([answer.status, Object(answer.body).errcode], [502, 'M_UNKNOWN'])
  assert.doesNotMatch(JSON.stringify(answer.body), /inner/)
  assert.equal(errorReply(new FetchError('timeout', 'slow'), log).status, 504)
  assert.deepEqual(lines, [])
})
