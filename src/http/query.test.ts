import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { parseQuery, queryCoercer } from './query.ts'

const schema = z.object({
  limit: z.number().int().optional(),
  full: z.boolean().default(false),
  via: z.array(z.string()).optional(),
  from: z.string().optional(),
  dir: z.enum(['f', 'b']).catch('f'),
})

const read = (target: string) => queryCoercer(schema)(parseQuery(target))

test('values become what the schema asks for', () => {
  assert.deepEqual(read('/x?limit=10&full=true&via=a&from=1&dir=b'), {
    limit: 10,
    full: true,
    via: ['a'],
    from: '1',
    dir: 'b',
  })
})

test('repeated keys are a list where one is wanted, else the first counts', () => {
  assert.deepEqual(read('/x?via=a&via=b&from=1&from=2&limit=1&limit=2'), { via: ['a', 'b'], from: '1', limit: 1 })
})

test('what cannot be turned stays a string, so that the schema names the fault', () => {
  assert.deepEqual(read('/x?limit=ten&full=1'), { limit: 'ten', full: '1' })
  assert.equal(schema.safeParse(read('/x?limit=ten')).success, false)
})

test('plus is a space, percent codes are decoded, broken ones do no harm', () => {
  assert.deepEqual(read('/x?from=a+b%2Bc'), { from: 'a b+c' })
  assert.deepEqual(Object.keys(read('/x?from=%FF%')), ['from'])
  assert.deepEqual(read('/x'), {})
})
