import { errors } from './errors.ts'
import type { Json, JsonObject } from './event.ts'
import { WrittenNumbers } from './written-numbers.ts'

/** Objects and arrays may stand inside each other so often, which keeps every walk over them clear of the stack's end. */
export const maxJsonDepth = 512

/** What canonical JSON forbids and `JSON.parse` hides: `1.5`, `1.0` and `1e3`; `-0`; beyond 2^53 - 1; a key twice; half a surrogate pair. */
export type JsonFaultKind = 'float' | 'negative-zero' | 'unsafe-integer' | 'duplicate-key' | 'lone-surrogate'

export interface JsonFault {
  readonly kind: JsonFaultKind
  /** The first two steps to the place, for example `['pdus', 3]`. */
  readonly path: readonly (string | number)[]
}

/** A key that is one character, written as an escape: `JSON.parse` of V8 13.6 reads each of them as a backslash. */
export const escapedKey = /"\\(?:[^u]|u[0-9a-fA-F]{4})"\s*:/

const maxRetainedText = 4096

export type OnFault = (kind: JsonFaultKind, path: readonly (string | number)[]) => void

const spacePattern = /[ \t\n\r]*/y
const numberPattern = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y
const literals: ReadonlyMap<string, readonly [text: string, value: Json]> = new Map([
  ['t', ['true', true]],
  ['f', ['false', false]],
  ['n', ['null', null]],
])

/** Reads one text, and tells of each thing in it that is not canonical. */
export class JsonParser {
  readonly #text: string
  readonly #onFault: OnFault
  readonly #path: (string | number)[] = []
  #at = 0
  /** How the number that was read last was written, where JavaScript writes it otherwise. */
  #written: string | undefined
  #hasWritten = false

  constructor(text: string, onFault: OnFault) {
    this.#text = text
    this.#onFault = onFault
  }

  parse(): Json {
    const value = this.#value()
    if (this.#next() !== '') this.#fail()
    // Our strings are slices that keep the whole text alive; for a long text a second, native parse is cheaper than that.
    const isPlain = !this.#hasWritten
    return isPlain && this.#text.length > maxRetainedText && !escapedKey.test(this.#text)
      ? JSON.parse(this.#text)
      : value
  }

  /** The next character that is no white space, or '' at the end. */
  #next(): string {
    const code = this.#text.charCodeAt(this.#at)
    if (code <= 0x20) {
      spacePattern.lastIndex = this.#at
      spacePattern.test(this.#text)
      this.#at = spacePattern.lastIndex
    }
    return this.#text.charAt(this.#at)
  }

  #value(): Json {
    const start = this.#next()
    if (start === '"') return this.#string()
    if (start === '{') return this.#object()
    if (start === '[') return this.#array()
    const literal = literals.get(start)
    if (!literal) return this.#number()
    if (!this.#text.startsWith(literal[0], this.#at)) this.#fail()
    this.#at += literal[0].length
    return literal[1]
  }

  #object(): JsonObject {
    const object: JsonObject = {}
    const numbers = new WrittenNumbers()
    this.#enter()
    if (this.#next() === '}') return this.#leave(object)
    for (;;) {
      if (this.#next() !== '"') this.#fail()
      const key = this.#string()
      this.#path.push(key)
      if (this.#next() !== ':') this.#fail()
      this.#at++
      if (Object.hasOwn(object, key)) this.#onFault('duplicate-key', this.#path)
      setOwn(object, key, this.#value())
      this.#note(numbers, key)
      this.#path.pop()
      if (this.#more('}')) return this.#leave(numbers.keepFor(object))
    }
  }

  #array(): Json[] {
    const array: Json[] = []
    const numbers = new WrittenNumbers()
    this.#enter()
    if (this.#next() === ']') return this.#leave(array)
    for (;;) {
      this.#path.push(array.length)
      array.push(this.#value())
      this.#note(numbers, `${array.length - 1}`)
      this.#path.pop()
      if (this.#more(']')) return this.#leave(numbers.keepFor(array))
    }
  }

  #note(numbers: WrittenNumbers, key: string): void {
    const text = this.#written
    // Of a key that stands there twice the last counts.
    numbers.set(key, text)
    if (text === undefined) return
    this.#hasWritten = true
    this.#written = undefined
  }

  #enter(): void {
    if (this.#path.length >= maxJsonDepth) throw errors.badJson('The JSON is nested too deeply')
    this.#at++
  }

  #leave<T>(value: T): T {
    this.#at++
    return value
  }

  /** Whether the bracket closes here; otherwise a comma must follow, and is passed. */
  #more(end: string): boolean {
    const next = this.#next()
    if (next === end) return true
    if (next !== ',') this.#fail()
    this.#at++
    return false
  }

  #string(): string {
    const start = this.#at + 1
    let plain = true
    for (let i = start; i < this.#text.length; i++) {
      const code = this.#text.charCodeAt(i)
      if (code === 0x22) {
        this.#at = i + 1
        return plain ? this.#text.slice(start, i) : this.#unescape(this.#text.slice(start - 1, i + 1))
      }
      if (code < 0x20) this.#fail()
      if (code === 0x5c) i++
      if (code === 0x5c || (code >= 0xd800 && code <= 0xdfff)) plain = false
    }
    return this.#fail()
  }

  #unescape(quoted: string): string {
    let value: unknown
    try {
      value = JSON.parse(quoted)
    } catch {
      return this.#fail()
    }
    if (typeof value !== 'string') return this.#fail()
    if (!value.isWellFormed()) this.#onFault('lone-surrogate', this.#path)
    return value
  }

  #number(): number {
    numberPattern.lastIndex = this.#at
    const match = numberPattern.exec(this.#text)
    if (!match) return this.#fail()
    const [text, fraction, exponent] = match
    this.#at += text.length
    const value = Number(text)
    if ((fraction !== undefined || exponent !== undefined) && `${value}` !== text) this.#written = text
    if (fraction !== undefined || exponent !== undefined) this.#onFault('float', this.#path)
    else if (!Number.isSafeInteger(value)) this.#onFault('unsafe-integer', this.#path)
    else if (Object.is(value, -0)) this.#onFault('negative-zero', this.#path)
    return value
  }

  #fail(): never {
    throw errors.notJson(`The body is not valid JSON at position ${this.#at}`)
  }
}

/** Assigning to `__proto__` would set the prototype instead of a key. */
function setOwn(object: JsonObject, key: string, value: Json): void {
  if (key !== '__proto__') object[key] = value
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}
