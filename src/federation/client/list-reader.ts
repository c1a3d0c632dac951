import { TextDecoder } from 'node:util'
import { errors } from '../../matrix/errors.ts'
import type { Json } from '../../matrix/event.ts'
import { type JsonFault, parseJsonWithFaults } from '../../matrix/json-parse.ts'
import { createYielder } from '../../util/async.ts'

/** An object with long lists in it. */
export interface ListedObject {
  /** The object, in which these lists are empty. */
  readonly rest: Json
  readonly lists: ReadonlyMap<string, readonly Json[]>
  /** Where it is not canonical JSON: the path begins with the name of a list and an index, or a key of the object. */
  readonly faults: readonly JsonFault[]
}

const [quote, backslash, comma, colon] = ['"', '\\', ',', ':'].map((text) => text.charCodeAt(0))
const [openList, closeList, openObject, closeObject] = ['[', ']', '{', '}'].map((text) => text.charCodeAt(0))

/**
 * Reads an object some members of which are lists of many megabytes: their elements are parsed one by one, as they come,
 * so that other work goes on in between. Throws `M_NOT_JSON`, and `M_BAD_JSON` for elements that are nested too deep.
 */
export async function readListedObject(
  chunks: AsyncIterable<Buffer>,
  names: ReadonlySet<string>,
): Promise<ListedObject> {
  const reader = new ListReader(names)
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const pause = createYielder()
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; from += pieceBytes) {
      await pause()
      reader.read(decode(decoder, chunk.subarray(from, from + pieceBytes)))
    }
  }
  reader.read(decode(decoder))
  return reader.end()
}

const pieceBytes = 16 * 1024
/** Rooms with more members are not known; a server that sends more wants to fill the memory. */
const mostItems = 1_000_000

function decode(decoder: TextDecoder, bytes?: Buffer): string {
  try {
    return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true })
  } catch {
    throw errors.notJson('The JSON is not valid UTF-8')
  }
}

/** Follows brackets and strings only; what stands between them is checked by the parser of each piece. */
class ListReader {
  readonly #names: ReadonlySet<string>
  readonly #lists = new Map<string, Json[]>()
  readonly #faults: JsonFault[] = []
  /** What does not belong to a list. */
  #rest = ''
  /** What has been read of an element of the list, or of a string at the top level. */
  #piece = ''
  #depth = 0
  #isString = false
  #isEscaped = false
  #lastString = ''
  #key: string | undefined
  #list: { readonly name: string; readonly items: Json[] } | undefined

  constructor(names: ReadonlySet<string>) {
    this.#names = names
  }

  read(text: string): void {
    let start = 0
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (this.#isString) {
        if (this.#isEscaped) this.#isEscaped = false
        else if (code === backslash) this.#isEscaped = true
        else if (code === quote) {
          this.#isString = false
          if (this.#list === undefined && this.#depth === 1) this.#lastString = this.#piece + text.slice(start, at + 1)
        }
      } else if (code === quote) {
        this.#isString = true
        if (this.#list === undefined && this.#depth === 1) start = this.#keep(text, start, at)
      } else if (code === openObject || code === openList) {
        this.#depth++
        if (code === openList && this.#depth === 2 && this.#beginsList()) {
          this.#rest += `${this.#piece}${text.slice(start, at + 1)}`
          this.#piece = ''
          start = at + 1
        }
      } else if (code === closeObject || code === closeList) {
        if (this.#list !== undefined && this.#depth === 2) start = this.#endList(text, start, at)
        this.#depth--
      } else if (this.#list !== undefined && this.#depth === 2 && code === comma) {
        this.#endItem(text.slice(start, at))
        start = at + 1
      } else if (this.#list === undefined && this.#depth === 1) {
        if (code === colon) this.#key = this.#lastString
        else if (code === comma) this.#key = undefined
      }
    }
    this.#piece += text.slice(start)
  }

  /** Puts what was read until here aside, so that the piece begins with the string that begins here. */
  #keep(text: string, start: number, at: number): number {
    this.#rest += this.#piece + text.slice(start, at)
    this.#piece = ''
    return at
  }

  #beginsList(): boolean {
    const key = this.#key === undefined ? undefined : parseJsonWithFaults(this.#key).value
    if (this.#list !== undefined || typeof key !== 'string' || !this.#names.has(key)) return false
    // Of a key that stands there twice the last counts, as with every parser.
    this.#list = { name: key, items: [] }
    this.#lists.set(key, this.#list.items)
    return true
  }

  #endItem(text: string): void {
    if (this.#list === undefined) return
    const { name, items } = this.#list
    if (items.length >= mostItems) throw errors.badJson(`The list ${name} has too many elements`)
    const { value, faults } = parseJsonWithFaults(this.#piece + text)
    if (faults.length > 0)
      this.#faults.push(...faults.slice(0, 1).map(({ kind }) => ({ kind, path: [name, items.length] })))
    items.push(value)
    this.#piece = ''
  }

  #endList(text: string, start: number, at: number): number {
    const isEmpty = this.#list?.items.length === 0 && `${this.#piece}${text.slice(start, at)}`.trim() === ''
    if (isEmpty) this.#piece = ''
    else this.#endItem(text.slice(start, at))
    this.#list = undefined
    this.#key = undefined
    return at
  }

  end(): ListedObject {
    if (this.#list !== undefined) throw errors.notJson('The JSON ends in the middle of a list')
    const { value, faults } = parseJsonWithFaults(this.#rest + this.#piece)
    return { rest: value, lists: this.#lists, faults: [...this.#faults, ...faults] }
  }
}
