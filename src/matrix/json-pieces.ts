import { errors } from './errors.ts'
import type { Json, JsonObject } from './event.ts'
import { type JsonFault, maxJsonDepth, type ParsedJson, parseJson, parseJsonWithFaults } from './json-parse.ts'

/** Shorter texts take less than a few ms. */
const shortLength = 32 * 1024

/**
 * Parses like `parseJsonWithFaults`, and calls `pause` between the pieces of a long object, so that others may run meanwhile.
 */
export async function parseJsonPausing(text: string, pause: () => Promise<void> | undefined): Promise<ParsedJson> {
  if (text.length <= shortLength || !/^[ \t\n\r]*\{/.test(text)) return parseJsonWithFaults(text)
  const pieces = parseInPieces(text)
  for (let step = pieces.next(); ; step = pieces.next()) {
    if (step.done) return step.value
    await pause()
  }
}

/**
 * Parses the text of a JSON object as `parseJsonWithFaults` does, but in pieces: whoever runs the generator may let others run
 * between them. A piece is a value of the object, or an element where that is an array; texts with thousands of events take
 * long as a whole. Throws `M_NOT_JSON`, and `M_BAD_JSON` for the depth or where it is no object.
 */
export function* parseInPieces(text: string): Generator<undefined, { value: JsonObject; faults: JsonFault[] }> {
  const scan = new Scanner(text)
  const value: JsonObject = {}
  const faults: JsonFault[] = []
  if (scan.peek() !== '{') throw errors.badJson('The body must be a JSON object')
  scan.take('{')
  for (let more = scan.peek() !== '}'; more; more = scan.comma('}')) {
    const key = scan.key()
    if (Object.hasOwn(value, key)) faults.push({ kind: 'duplicate-key', path: [key] })
    if (scan.peek() !== '[') {
      setOwn(value, key, parsePiece(scan.value(1), [key], faults))
      yield
      continue
    }
    const list: Json[] = []
    scan.take('[')
    for (let next = scan.peek() !== ']'; next; next = scan.comma(']')) {
      list.push(parsePiece(scan.value(2), [key, list.length], faults))
      yield
    }
    scan.take(']')
    setOwn(value, key, list)
  }
  scan.take('}')
  scan.end()
  return { value, faults }
}

/** Faults are told by the first two steps of their place, once for each. */
function parsePiece(text: string, place: readonly (string | number)[], faults: JsonFault[]): Json {
  const { value, faults: own } = parseJsonWithFaults(text)
  const isKept = own.some(({ kind }) => kind === 'float')
  const seen = new Set<string>()
  for (const { kind, path } of own) {
    const full = [...place, ...path].slice(0, 2)
    const name = JSON.stringify(full)
    if (!seen.has(name)) faults.push({ kind, path: full })
    seen.add(name)
  }
  // The first parser's strings would keep the whole text in memory, which is little where numbers have to be kept as they came.
  const isCopied = !isKept && (typeof value === 'object' || typeof value === 'string')
  return isCopied ? parseJson(text) : value
}

const space = /[ \t\n\r]*/y
/** A literal or number, as far as it may go; whether it is one shows when it is parsed. */
const plain = /[^\s,:[\]{}"]+/y

class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** The next character that is no white space, or '' at the end. */
  peek(): string {
    if (this.#text.charCodeAt(this.#at) <= 0x20) {
      space.lastIndex = this.#at
      space.test(this.#text)
      this.#at = space.lastIndex
    }
    return this.#text.charAt(this.#at)
  }

  take(character: string): void {
    if (this.peek() !== character) this.#fail()
    this.#at++
  }

  /** Whether a comma follows, which is passed, and not the end. */
  comma(end: string): boolean {
    if (this.peek() === end) return false
    this.take(',')
    return true
  }

  /** An object's key with its colon. */
  key(): string {
    if (this.peek() !== '"') this.#fail()
    const start = this.#at
    this.#skipString()
    const key: unknown = parseJsonWithFaults(this.#text.slice(start, this.#at)).value
    this.take(':')
    // It began with a quote.
    return String(key)
  }

  /** The text of the next value, which is not looked at beyond its brackets and quotes. `depth`: in how many it stands. */
  value(depth: number): string {
    this.peek()
    const start = this.#at
    let open = 0
    do {
      const next = this.peek()
      if (next === '"') this.#skipString()
      else if (next === '{' || next === '[') {
        if (++open + depth > maxJsonDepth) throw errors.badJson('The JSON is nested too deeply')
        this.#at++
      } else if (open > 0 && (next === '}' || next === ']')) {
        open--
        this.#at++
      } else if (open > 0 && (next === ',' || next === ':')) this.#at++
      else this.#skipPlain()
    } while (open > 0)
    return this.#text.slice(start, this.#at)
  }

  end(): void {
    if (this.peek() !== '') this.#fail()
  }

  #skipString(): void {
    for (let i = this.#at + 1; i < this.#text.length; i++) {
      const code = this.#text.charCodeAt(i)
      if (code === 0x5c) i++
      else if (code === 0x22) {
        this.#at = i + 1
        return
      }
    }
    this.#fail()
  }

  #skipPlain(): void {
    plain.lastIndex = this.#at
    if (!plain.test(this.#text)) this.#fail()
    this.#at = plain.lastIndex
  }

  #fail(): never {
    throw errors.notJson(`The body is not valid JSON at position ${this.#at}`)
  }
}

/** Assigning to `__proto__` would set the prototype instead of a key. */
function setOwn(object: JsonObject, key: string, value: Json): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}
