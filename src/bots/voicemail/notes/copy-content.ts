import type { JsonObject } from '../../../matrix/event.ts'

/** What of a note can be sent on into another room: the recording and its words, but not what they had to do with there. */
export function copyContent(content: JsonObject): JsonObject {
  const { 'm.relates_to': _relation, 'io.ringback.note': _note, 'io.ringback.missed_call': _call, ...rest } = content
  return { ...rest, 'm.mentions': {} }
}
