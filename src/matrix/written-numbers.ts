import type { Json, JsonObject } from './event.ts'

/**
 * Numbers as they were written, where that is not how JavaScript writes them: `1.0`, `1e2`. Rooms before version 6 allow
 * them, and who has hashed and signed `1.0` did so over these characters. Everybody sees plain numbers; what is made of the
 * object or array in which they stand, by `JSON.stringify` or as canonical JSON, has them as they came.
 */
const written = new WeakMap<object, ReadonlyMap<string, string>>()

type Container = JsonObject | Json[]

/** The numbers of an object or array that came otherwise than JavaScript writes them, by their keys. */
export function writtenNumbers(container: object): ReadonlyMap<string, string> | undefined {
  return written.get(container)
}

function keepWritten(container: Container, numbers: ReadonlyMap<string, string>): void {
  // A key of that name is somebody's, and stays.
  if (numbers.size === 0 || Object.hasOwn(container, 'toJSON')) return
  written.set(container, numbers)
  const toJSON = () => withRawNumbers(container, numbers)
  Object.defineProperty(container, 'toJSON', { value: toJSON, enumerable: false, configurable: true })
}

/** Gathers them while an object or array is read. */
export class WrittenNumbers {
  #texts: Map<string, string> | undefined

  set(key: string, text: string | undefined): void {
    if (text !== undefined) this.#texts = (this.#texts ?? new Map()).set(key, text)
    else this.#texts?.delete(key)
  }

  keepFor<T extends Container>(container: T): T {
    if (this.#texts !== undefined) keepWritten(container, this.#texts)
    return container
  }
}

/** For a copy that has some of the keys. */
export function carryWritten(from: object, to: Container): void {
  const numbers = written.get(from)
  if (numbers === undefined) return
  keepWritten(to, new Map([...numbers].filter(([key]) => Object.hasOwn(to, key))))
}

function withRawNumbers(container: Container, numbers: ReadonlyMap<string, string>): unknown {
  const raw = (key: string, value: Json) => {
    const text = numbers.get(key)
    return text === undefined ? value : rawJson(text)
  }
  if (Array.isArray(container)) return container.map((value, i) => raw(`${i}`, value))
  return Object.fromEntries(Object.entries(container).map(([key, value]) => [key, raw(key, value)]))
}

/** The runtime has it; its types do not know it yet. */
const runtime: { readonly rawJSON?: (text: string) => unknown } = { rawJSON: Reflect.get(JSON, 'rawJSON') }

function rawJson(text: string): unknown {
  return runtime.rawJSON?.(text) ?? Number(text)
}
