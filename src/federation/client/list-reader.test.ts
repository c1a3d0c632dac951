import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MatrixError } from '../../matrix/errors.ts'
import type { Json } from '../../matrix/event.ts'
import { parseJsonWithFaults } from '../../matrix/json-parse.ts'
import { readListedObject } from './list-reader.ts'

const names = new Set(['state', 'auth_chain'])

async function* cut(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size)
}

async function read(text: string, size = 7): Promise<Json> {
  const { rest, lists } = await readListedObject(cut(text, size), names)
  return { ...Object(rest), ...Object.fromEntries(lists) }
}

const json = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }) as fc.Arbitrary<Json>
const key = fc.oneof(fc.constantFrom('state', 'auth_chain', 'event', 'a"b', '\\', '[', ''), fc.string())

test('an object is read as every parser reads it, however it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(key, fc.oneof(json, fc.array(json))),
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom(undefined, 2),
      async (object, size, indent) => {
        const { __proto__: _, ...plain } = object
        const text = JSON.stringify(plain, undefined, indent)
        // Not JSON.parse, which in V8 13.6 takes a key that is one escaped character for a backslash.
        assert.deepEqual(await read(text, size), parseJsonWithFaults(text).value)
      },
    ),
  )
})

test('lists inside other members are none of those that are meant', async () => {
  const text =
    '{"event":{"state":[1,{"auth_chain":["]"]}]},"state":[[1,[2]],"a,]\\"b",{}],"x":["state",{"y":[]}],"auth_chain":[ ]}'
  assert.deepEqual(await read(text, 1), JSON.parse(text))
  assert.deepEqual(await read('{"state":"text","auth_chain":{"a":[1]}}'), { state: 'text', auth_chain: { a: [1] } })
  assert.deepEqual(await read('{"state":[1],"state":[2]}'), { state: [2] })
  assert.deepEqual(await read('{"\\u0073tate":[1]}'), { state: [1] })
})

test('it is told where the text is not canonical', async () => {
  const { faults } = await readListedObject(
    cut('{"state":[1,{"x":1.5},2],"auth_chain":[-0],"event":{"a":1e3}}', 5),
    names,
  )
  assert.deepEqual(faults, [
    { kind: 'float', path: ['state', 1] },
    { kind: 'negative-zero', path: ['auth_chain', 0] },
    { kind: 'float', path: ['event', 'a'] },
  ])
})

test('what is no JSON is refused', async () => {
  const bad = [
    '',
    '{',
    '{"state":[1',
    '{"state":[1,]}',
    '{"state":[,]}',
    '{"state":[1 2]}',
    '{"state":[1}}',
    '{"state":[1]]',
    '[',
    '{"state":[1]}x',
    '{"state"[1]}',
    '{"state":{]}',
    '"',
    '{"state":["a]}',
  ]
  for (const text of bad) {
    await assert.rejects(read(text, 3), MatrixError, text)
  }
  await assert.rejects(
    readListedObject(
      (async function* () {
        yield Buffer.from([0x7b, 0x22, 0xff, 0x22])
      })(),
      names,
    ),
    MatrixError,
  )
  await assert.rejects(read(`{"state":[${'['.repeat(600)}${']'.repeat(600)}]}`), MatrixError)
})
