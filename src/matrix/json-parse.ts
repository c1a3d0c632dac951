import { errors } from './errors.ts'
import type { Json } from './event.ts'
import { escapedKey, type JsonFault, JsonParser } from './json-parser.ts'

export { type JsonFault, type JsonFaultKind, maxJsonDepth } from './json-parser.ts'

export interface ParsedJson {
  readonly value: Json
  /** At most one fault for each path, in the order of the text. */
  readonly faults: readonly JsonFault[]
}

/**
 * Parses text that must be canonical apart from white space and the order of keys. Throws `M_NOT_JSON` where it is
 * no JSON, and `M_BAD_JSON` at the first fault or where it is nested beyond `maxJsonDepth`.
 */
export function parseJsonStrict(text: string): Json {
  return new JsonParser(text, (kind) => {
    throw errors.badJson(`The JSON has what is not allowed: ${kind}`)
  }).parse()
}

/**
 * Parses text as `JSON.parse` does, remembers how numbers were written (`writtenNumbers`), and says where it is not canonical. Throws `M_NOT_JSON`, and `M_BAD_JSON` for the depth.
 */
export function parseJsonWithFaults(text: string): ParsedJson {
  const faults: JsonFault[] = []
  const value = new JsonParser(text, (kind, path) => {
    const last = faults.at(-1)?.path
    const start = path.slice(0, 2)
    if (!last || last.length !== start.length || last.some((step, i) => step !== start[i]))
      faults.push({ kind, path: start })
  }).parse()
  return { value, faults }
}

/** Where a number with a fraction or an exponent may stand. */
const mayHaveFloat = /[[:,]\s*-?[0-9]+(?:\.[0-9]|[eE])/

/** Parses an event that we have stored, with its numbers as they were written. Throws `M_NOT_JSON`. */
export function parseStoredJson(text: string): Json {
  return mayHaveFloat.test(text) ? parseJsonWithFaults(text).value : parseJson(text)
}

/** What `JSON.parse` should return, at its price. Throws `M_NOT_JSON`. */
export function parseJson(text: string): Json {
  if (escapedKey.test(text)) return parseJsonWithFaults(text).value
  try {
    return JSON.parse(text) as Json
  } catch {
    throw errors.notJson()
  }
}
