import { isUtf8 } from 'node:buffer'
import { parseJsonStrict } from '../matrix/canonical-json.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { type JsonFault, parseJson } from '../matrix/json-parse.ts'
import { parseJsonPausing } from '../matrix/json-pieces.ts'
import { createYielder } from '../util/async.ts'

/** Deeper bodies are refused: what is stored and sent on must not overflow the stack of those who read it. */
export const maxDepth = 100

const escapedSurrogate = /\\u[dD][89a-fA-F]/

/**
 * Parses a request body as a JSON object, whatever its Content-Type; an empty one is `{}`. Throws `M_NOT_JSON` for
 * invalid UTF-8 and malformed JSON, `M_BAD_JSON` for other values, deep nesting and lone surrogates. With
 * `strictNumbers` floats, integers beyond 2^53-1 and duplicate keys are `M_BAD_JSON` too.
 */
export function parseBody(bytes: Buffer, strictNumbers: boolean): JsonObject {
  if (bytes.length === 0) return {}
  if (!isUtf8(bytes)) throw errors.notJson('The body is not valid UTF-8')
  const text = bytes.toString('utf8')
  if (text.trim() === '') return {}
  // A short text cannot nest deeply.
  if (text.length > maxDepth && isDeeper(text, maxDepth)) throw errors.badJson('The JSON is nested too deeply')
  const value = strictNumbers ? parseStrictly(text) : parseJson(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw errors.badJson('The body must be a JSON object')
  }
  if (escapedSurrogate.test(text) && !isWellFormed(value)) {
    throw errors.badJson('The JSON has a string that is not valid Unicode')
  }
  // JSON.parse returns nothing but JSON.
  return value as JsonObject
}

/** The body of a request that another server made. */
export interface ParsedBody {
  readonly value: JsonObject
  /** Undefined where there was no body. */
  readonly text: string | undefined
  /** Where it is not canonical: at most one for each of its first two levels. */
  readonly faults: readonly JsonFault[]
}

/**
 * Parses the body of another server's request, which may hold events of rooms with looser rules than those of today:
 * what is not canonical is told instead of refused. Long ones let others run meanwhile. Throws `M_NOT_JSON`, and `M_BAD_JSON` where it is no object or too deep.
 */
export async function parseServerBody(bytes: Buffer): Promise<ParsedBody> {
  if (bytes.length === 0) return { value: {}, text: undefined, faults: [] }
  if (!isUtf8(bytes)) throw errors.notJson('The body is not valid UTF-8')
  const text = bytes.toString('utf8')
  const { value, faults } = await parseJsonPausing(text, createYielder())
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw errors.badJson('The body must be a JSON object')
  }
  return { value, text, faults }
}

function parseStrictly(text: string): unknown {
  return parseJsonStrict(text)
}

function isDeeper(text: string, limit: number): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (inString) {
      if (code === 0x5c) i++
      else if (code === 0x22) inString = false
    } else if (code === 0x22) inString = true
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > limit) return true
    } else if (code === 0x7d || code === 0x5d) depth--
  }
  return false
}

function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([key, inner]) => key.isWellFormed() && isWellFormed(inner))
}
