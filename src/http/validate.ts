import type { ZodError, ZodType } from 'zod'
import { errors, MatrixError } from '../matrix/errors.ts'

/** Where a value came from, which decides the error code of a wrong one. */
export type InputPlace = 'path' | 'query' | 'body'

/**
 * Checks a value against a schema. A required key that is absent is `M_MISSING_PARAM`; a wrong one is `M_BAD_JSON` in a
 * body and `M_INVALID_PARAM` elsewhere. The message names the key. A custom check may name another code with
 * `params: { errcode }`.
 */
export function validate(schema: ZodType, value: unknown, place: InputPlace): unknown {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw toMatrixError(result.error, value, place)
}

function toMatrixError(error: ZodError, value: unknown, place: InputPlace): MatrixError {
  const issue = error.issues[0]
  if (!issue) return errors.badJson()
  const key = issue.path.map(String).join('.')
  const named = issue.code === 'custom' ? issue.params?.errcode : undefined
  if (typeof named === 'string') return new MatrixError(400, named, issue.message)
  if (key !== '' && valueAt(value, issue.path) === undefined) {
    return errors.missingParam(`Missing ${describe(place)} ${key}`)
  }
  const message = key === '' ? issue.message : `Wrong ${describe(place)} ${key}: ${issue.message}`
  return place === 'body' ? errors.badJson(message) : errors.invalidParam(message)
}

function describe(place: InputPlace): string {
  return place === 'body' ? 'key' : `${place} parameter`
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined
    current = Reflect.get(current, key)
  }
  return current
}
