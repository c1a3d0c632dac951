import type { EventId } from './ids.ts'

/** A room state: from `stateMapKey(type, state key)` to the id of the state event. */
export type StateMap = ReadonlyMap<string, EventId>

/** One string for a type and a state key. The length makes it clear where the type ends, whatever characters it has. */
export function stateMapKey(type: string, stateKey: string): string {
  return `${type.length}:${type}${stateKey}`
}

/** The type and the state key that `stateMapKey` put together. */
export function parseStateMapKey(key: string): [type: string, stateKey: string] {
  const colon = key.indexOf(':')
  const end = colon + 1 + Number(key.slice(0, colon))
  return [key.slice(colon + 1, end), key.slice(end)]
}
