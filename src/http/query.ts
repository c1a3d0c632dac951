import { parse } from 'node:querystring'
import type { ZodType } from 'zod'

/** A query as it came: repeated keys are lists. */
export type RawQuery = Record<string, string | string[] | undefined>

type Coerce = (value: string | string[]) => unknown

/** Parses the query of a request target. */
export function parseQuery(target: string): RawQuery {
  const start = target.indexOf('?')
  return start < 0 ? {} : parse(target.slice(start + 1))
}

/** The first value of a key. */
export function firstValue(query: RawQuery, key: string): string | undefined {
  const value = query[key]
  return Array.isArray(value) ? value[0] : value
}

/**
 * Makes the function that turns a query's strings into what the schema's keys ask for: numbers, booleans, lists, or the
 * first value of a repeated key. What cannot be turned stays a string, so that the schema names the fault.
 */
export function queryCoercer(schema: ZodType): (query: RawQuery) => Record<string, unknown> {
  const shape: unknown = Reflect.get(schema, 'shape')
  const coercers = new Map<string, Coerce>()
  if (typeof shape === 'object' && shape !== null) {
    for (const [key, field] of Object.entries(shape)) coercers.set(key, coercerFor(field))
  }
  return (query) => {
    const out: Record<string, unknown> = {}
    for (const key in query) {
      const value = query[key]
      if (value !== undefined) out[key] = (coercers.get(key) ?? first)(value)
    }
    return out
  }
}

const first: Coerce = (value) => (Array.isArray(value) ? value[0] : value)

const toNumber: Coerce = (value) => {
  const text = first(value)
  return typeof text === 'string' && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
}

const toBoolean: Coerce = (value) => {
  const text = first(value)
  return text === 'true' ? true : text === 'false' ? false : text
}

function coercerFor(field: unknown): Coerce {
  switch (innermostType(field)) {
    case 'number':
    case 'int':
      return toNumber
    case 'boolean':
      return toBoolean
    case 'array':
      return (value) => (Array.isArray(value) ? value : [value])
    default:
      return first
  }
}

/** The kind of a schema inside its optional, default, catch and pipe wrappers. */
function innermostType(field: unknown): unknown {
  let current = field
  for (;;) {
    const def: unknown = typeof current === 'object' && current !== null ? Reflect.get(current, 'def') : undefined
    if (typeof def !== 'object' || def === null) return undefined
    const inner: unknown = Reflect.get(def, 'innerType') ?? Reflect.get(def, 'in')
    if (inner === undefined) return Reflect.get(def, 'type')
    current = inner
  }
}
