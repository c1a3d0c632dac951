import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errors, MatrixError } from './errors.ts'

test('factories give the status, the code and a message of the caller', () => {
  const error = errors.forbidden('You are banned')
  assert.ok(error instanceof MatrixError)
  assert.ok(error instanceof Error)
  assert.equal(error.status, 403)
  assert.deepEqual(error.body, { errcode: 'M_FORBIDDEN', error: 'You are banned' })
})

test('every message has a default', () => {
  assert.equal(typeof errors.notFound().body.error, 'string')
  assert.deepEqual(errors.unknown(400, 'Still joined').body, { errcode: 'M_UNKNOWN', error: 'Still joined' })
  assert.equal(errors.unrecognized(405).status, 405)
})

test('extra fields stand in the body', () => {
  assert.equal(errors.unknownToken({ softLogout: true }).body.soft_logout, true)
  assert.equal(errors.unknownToken().body.soft_logout, false)
  assert.equal(errors.limitExceeded(1500.2).body.retry_after_ms, 1501)
  assert.equal(errors.incompatibleRoomVersion('7').body.room_version, '7')
  assert.equal(errors.wrongRoomKeysVersion('3').body.current_version, '3')
})
