import fc, { type Arbitrary } from 'fast-check'
import { z } from 'zod'
import type { Endpoint } from '../../src/http/endpoint.ts'

/** What a client may put into a request, in a form that `Client.request` takes. */
export interface Guess {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: unknown
}

/** Strings that some layer between the socket and the disk takes for something else. */
const strange = [
  '',
  '\u0000',
  'a\u0000b',
  '🦊',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  "' or 1=1 --",
  '%',
  '@',
  '@:',
  '!',
  '#',
  '$',
  'NaN',
  '-1',
  '99999999999999999999',
  'null',
  '*',
  '\u202e',
  'x'.repeat(300),
  '@🦊:localhost',
  '@\u0000:localhost',
  `@${'x'.repeat(300)}:localhost`,
  '{}',
  '[]',
  '{"room":{"timeline":{"limit":0,"types":["*"]}}}',
]

const wild: Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...strange) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, -1, 1.5, 2 ** 53, -(2 ** 53), 1e308, null, true, false, {}, [], [[]]) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
)

interface Schema {
  readonly type?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
}

/** Values that mostly fit a schema, with a fault in some place now and then. `known` are strings that mean something here. */
function nearly(schema: Schema, known: readonly string[]): Arbitrary<unknown> {
  const fitting = fits(schema, known)
  return fc.oneof({ weight: 5, arbitrary: fitting }, { weight: 1, arbitrary: wild })
}

function fits(schema: Schema, known: readonly string[]): Arbitrary<unknown> {
  if (schema.anyOf && schema.anyOf.length > 0) return fc.oneof(...schema.anyOf.map((inner) => nearly(inner, known)))
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if ('const' in schema) return fc.constant(schema.const)
  switch (schema.type) {
    case 'object':
      return objects(schema, known)
    case 'array':
      return fc.array(schema.items ? nearly(schema.items, known) : wild, { maxLength: 3 })
    case 'string':
      return fc.oneof(fc.constantFrom(...known), fc.constantFrom(...strange), fc.string())
    case 'integer':
    case 'number':
      return fc.oneof(fc.integer({ min: -2, max: 20 }), fc.maxSafeInteger())
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    default:
      return fc.oneof(fc.constantFrom<unknown>(...known), wild)
  }
}

function objects({ properties = {}, additionalProperties }: Schema, known: readonly string[]): Arbitrary<unknown> {
  const named = Object.fromEntries(Object.entries(properties).map(([key, inner]) => [key, nearly(inner, known)]))
  const value = typeof additionalProperties === 'object' ? nearly(additionalProperties, known) : wild
  const keys = fc.oneof(fc.constantFrom(...known), fc.constantFrom(...strange))
  return fc
    .tuple(fc.record(named, { requiredKeys: [] }), fc.dictionary(keys, value, { maxKeys: 2 }))
    .map(([own, others]) => ({ ...others, ...own }))
}

function jsonSchema(schema: Endpoint['body']): Schema {
  return schema ? (z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema) : {}
}

const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

/** Requests for an endpoint that are nearly right. */
export function guesses(endpoint: Endpoint, known: readonly string[]): Arbitrary<Guess> {
  const text = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...known) },
    { weight: 2, arbitrary: fc.constantFrom(...strange.filter((item) => item !== '')) },
    { weight: 1, arbitrary: fc.string({ minLength: 1 }) },
  )
  const names = Array.from(endpoint.path.matchAll(/\{(\w+)\}/g), ([, name = '']) => name)
  const query = endpoint.query ? fits(jsonSchema(endpoint.query), known) : fc.constant({})
  return fc.record({
    params: fc.record(Object.fromEntries(names.map((name) => [name, text]))),
    query: query.map((values) =>
      Object.fromEntries(Object.entries(Object(values)).map(([key, value]) => [key, asText(value)])),
    ),
    body: endpoint.body ? nearly(jsonSchema(endpoint.body), known) : fc.constant(undefined),
  })
}
