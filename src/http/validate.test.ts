import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { MatrixError } from '../matrix/errors.ts'
import { type InputPlace, validate } from './validate.ts'

const schema = z.object({
  name: z.string(),
  inner: z.object({ count: z.number() }).optional(),
  user: z
    .string()
    .refine((text) => text !== 'root', { message: 'This name is not for you', params: { errcode: 'M_EXCLUSIVE' } })
    .optional(),
})

function faultOf(value: unknown, place: InputPlace = 'body'): [errcode: string, message: string] {
  try {
    validate(schema, value, place)
  } catch (error) {
    if (error instanceof MatrixError) return [error.errcode, error.message]
    throw error
  }
  return ['none', '']
}

test('a missing key is M_MISSING_PARAM and named', () => {
  assert.deepEqual(faultOf({}), ['M_MISSING_PARAM', 'Missing key name'])
  assert.deepEqual(faultOf({ name: 'x', inner: {} }), ['M_MISSING_PARAM', 'Missing key inner.count'])
  assert.deepEqual(faultOf({}, 'query'), ['M_MISSING_PARAM', 'Missing query parameter name'])
})

test('a wrong type is M_BAD_JSON in a body and M_INVALID_PARAM elsewhere', () => {
  assert.equal(faultOf({ name: 1 })[0], 'M_BAD_JSON')
  assert.equal(faultOf({ name: null })[0], 'M_BAD_JSON')
  assert.match(faultOf({ name: 1 })[1], /name/)
  assert.equal(faultOf({ name: 1 }, 'query')[0], 'M_INVALID_PARAM')
  assert.equal(faultOf({ name: 1 }, 'path')[0], 'M_INVALID_PARAM')
})

test('a schema may name the error code, and unknown keys are ignored', () => {
  assert.deepEqual(faultOf({ name: 'x', user: 'root' }), ['M_EXCLUSIVE', 'This name is not for you'])
  assert.deepEqual(validate(schema, { name: 'x', more: 1 }, 'body'), { name: 'x' })
})
