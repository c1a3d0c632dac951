import { errors } from './errors.ts'
import type { Json, Pdu } from './event.ts'
import { maxJsonDepth } from './json-parse.ts'
import { writtenNumbers } from './written-numbers.ts'

export { parseJsonStrict } from './json-parse.ts'

/** Strings that JSON escapes, and surrogates, which need a look at their partner. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be escaped
const special = /["\\\u0000-\u001f\ud800-\udfff]/

/**
 * The one canonical encoding of a value: keys in code point order, no white space. Throws `M_BAD_JSON` for what
 * canonical JSON forbids: floats, integers beyond 2^53 - 1, undefined, lone surrogates, and nesting beyond `maxJsonDepth`.
 * https://spec.matrix.org/v1.19/appendices/#canonical-json
 */
export function canonicalJson(value: Json | Pdu): string {
  return encode(value, strict, 0)
}

/**
 * Like `canonicalJson`, but writes floats as they came or else as JavaScript does, and large integers in full: for rooms before
 * version 6 and foreign JSON.
 */
export function lenientCanonicalJson(value: Json | Pdu): string {
  return encode(value, lenient, 0)
}

/** Throws `M_BAD_JSON` where `canonicalJson` would, without the cost of encoding. */
export function assertCanonical(value: unknown, depth = 0): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw loneSurrogate()
  } else if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw badNumber(value)
  } else if (typeof value === 'object') {
    if (value === null) return
    if (depth >= maxJsonDepth) throw tooDeep()
    if (Array.isArray(value)) {
      for (const item of value) assertCanonical(item, depth + 1)
    } else {
      for (const [key, item] of Object.entries(value)) {
        if (!key.isWellFormed()) throw loneSurrogate()
        assertCanonical(item, depth + 1)
      }
    }
  } else if (typeof value !== 'boolean') {
    throw notJson(value)
  }
}

/** Orders strings by code point, where JavaScript's own order goes by UTF-16 unit. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return codePointRank(x) - codePointRank(y)
  }
  return a.length - b.length
}

/** Surrogates stand for code points beyond U+FFFF, so that they come after every other unit. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

interface Writer {
  readonly number: (value: number) => string
  readonly string: (value: string) => string
  /** How the numbers of an object or array were written. */
  readonly numbers: (container: object) => ReadonlyMap<string, string> | undefined
}

const strict: Writer = { number: strictNumber, string: strictString, numbers: () => undefined }
const lenient: Writer = { number: lenientNumber, string: JSON.stringify, numbers: writtenNumbers }

function encode(value: unknown, writer: Writer, depth: number): string {
  if (typeof value === 'string') return special.test(value) ? writer.string(value) : `"${value}"`
  if (typeof value === 'number') return writer.number(value)
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (value === null) return 'null'
  if (typeof value !== 'object') throw notJson(value)
  if (depth >= maxJsonDepth) throw tooDeep()
  const numbers = writer.numbers(value)
  if (Array.isArray(value)) {
    let out = ''
    for (const [i, item] of value.entries()) {
      out += `${out === '' ? '[' : ','}${numbers?.get(`${i}`) ?? encode(item, writer, depth + 1)}`
    }
    return out === '' ? '[]' : `${out}]`
  }
  // An object of JSON at run time, whatever interface describes it.
  const object = value as { [key: string]: unknown }
  let out = ''
  for (const key of sortedKeys(object)) {
    const name = special.test(key) ? writer.string(key) : `"${key}"`
    out += `${out === '' ? '{' : ','}${name}:${numbers?.get(key) ?? encode(object[key], writer, depth + 1)}`
  }
  return out === '' ? '{}' : `${out}}`
}

/** Most objects come with their keys in order, so that a look is cheaper than a sort. */
function sortedKeys(object: object): string[] {
  const keys = Object.keys(object)
  for (let i = 1; i < keys.length; i++) {
    if (compareCodePoints(keys[i - 1] ?? '', keys[i] ?? '') > 0) return keys.sort(compareCodePoints)
  }
  return keys
}

function strictNumber(value: number): string {
  if (!Number.isSafeInteger(value)) throw badNumber(value)
  return `${value}`
}

function lenientNumber(value: number): string {
  if (Number.isSafeInteger(value)) return `${value}`
  if (!Number.isFinite(value)) throw badNumber(value)
  // Integers of 64 bits are written out, where JavaScript would round their last digits to zeros.
  return Number.isInteger(value) && Math.abs(value) <= 2 ** 63 ? BigInt(value).toString() : `${value}`
}

function strictString(value: string): string {
  if (!value.isWellFormed()) throw loneSurrogate()
  return JSON.stringify(value)
}

function badNumber(value: number): Error {
  return errors.badJson(`${value} is not an integer between -(2^53 - 1) and 2^53 - 1`)
}

function loneSurrogate(): Error {
  return errors.badJson('A string is not valid Unicode')
}

function tooDeep(): Error {
  return errors.badJson('The JSON is nested too deeply')
}

function notJson(value: unknown): Error {
  return errors.badJson(`A value of type ${typeof value} is not JSON`)
}
