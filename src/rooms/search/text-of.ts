import { objectOf, roomNameOf, stringOf, topicOf } from '../../matrix/content.ts'
import type { JsonObject, Pdu } from '../../matrix/event.ts'

/** Which text of an event is searched. */
export type TextKind = 'body' | 'name' | 'topic'

export const textKinds: readonly TextKind[] = ['body', 'name', 'topic']

const kindOf: Readonly<Record<string, TextKind>> = {
  'm.room.message': 'body',
  'm.room.name': 'name',
  'm.room.topic': 'topic',
}

export const searchedTypes: readonly string[] = Object.keys(kindOf)

export interface SearchedText {
  readonly kind: TextKind
  readonly text: string
}

type TextEvent = Pick<Pdu, 'type' | 'state_key' | 'content'>

/**
 * The text that an event is found by; undefined for redacted events and for those that search does not look at.
 * https://spec.matrix.org/v1.19/client-server-api/#search-categories
 */
export function textOf(pdu: TextEvent): SearchedText | undefined {
  const kind = Object.hasOwn(kindOf, pdu.type) ? kindOf[pdu.type] : undefined
  if (kind === undefined || (kind === 'body') !== (pdu.state_key === undefined)) return undefined
  const text = kind === 'body' ? stringOf(pdu, 'body') : kind === 'name' ? roomNameOf(pdu) : allOfTopic(pdu)
  return text === undefined ? undefined : { kind, text }
}

/** The text that an edit puts in the place of the original's. */
export function editedTextOf(edit: Pick<Pdu, 'content'>): string | undefined {
  const content = objectOf(edit, 'm.new_content')
  return content && stringOf({ content }, 'body')
}

/** The topic, and its plain text where that is another one. */
function allOfTopic(pdu: TextEvent): string | undefined {
  const topic = topicOf(pdu)
  const representations = objectOf(pdu, 'm.topic')?.['m.text']
  const all = Array.isArray(representations) ? representations : []
  const texts = all.filter(isPlainText).map(({ body }) => body)
  const lines = [...new Set([topic, ...texts])].filter((line) => line !== undefined && line !== '')
  return lines.length === 0 ? undefined : lines.join('\n')
}

function isPlainText(value: unknown): value is JsonObject & { body: string } {
  if (typeof value !== 'object' || value === null || !('body' in value) || typeof value.body !== 'string') return false
  return !('mimetype' in value) || value.mimetype === 'text/plain'
}
