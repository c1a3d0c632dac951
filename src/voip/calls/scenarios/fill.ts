import type { Json, JsonObject } from '../../../matrix/event.ts'

/** Puts event ids for `$name` and user ids for `@name`, in keys of states as well. */
export function fill<T extends Json>(value: T, ids: ReadonlyMap<string, string>, userOf: (name: string) => string): T {
  const text = (part: string): string => {
    if (part.startsWith('$')) return ids.get(part.slice(1)) ?? part
    return part.replace(/@(alice|bob|carol)(?![a-z])/, (_, name: string) => userOf(name))
  }
  const deep = (part: Json): Json => {
    if (typeof part === 'string') return text(part)
    if (Array.isArray(part)) return part.map(deep)
    if (part === null || typeof part !== 'object') return part
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, deep(inner)]))
  }
  // Every part keeps its kind.
  return deep(value) as T
}

/** What of an event can be seen in an encrypted room. */
export function sealed({ type, content }: { type: string; content: JsonObject }) {
  if (type === 'm.reaction') return { type, content }
  const relation = content['m.relates_to']
  return {
    type: 'm.room.encrypted',
    content: {
      algorithm: 'm.megolm.v1.aes-sha2',
      ciphertext: 'AwgAEnACgAkLmt6qF84IK++J7UDH2Za1YVchHyprqTqsg',
      session_id: 'X3lUlvLELLYxeTx4yOVu6UDpasGEVO0Jbu+QFnm0cKQ',
      ...(relation !== undefined && { 'm.relates_to': relation }),
    },
  }
}
