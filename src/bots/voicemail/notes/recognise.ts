import { integerOf, objectOf, stringOf } from '../../../matrix/content.ts'
import type { JsonObject, Pdu } from '../../../matrix/event.ts'
import { formatMxc, parseMxc } from '../../../matrix/mxc.ts'
import type { CallKind } from '../../../voip/calls/types.ts'

/** A message that somebody recorded. */
export interface Recorded {
  readonly kind: CallKind
  /** Undefined where there is no address that could be one. */
  readonly mxc: string | undefined
  /** As its sender says. */
  readonly durationMs: number
  readonly caption: string | undefined
}

/** A voice message or a video, undefined for everything else, edits too. */
export function readRecorded(event: { readonly type: string; readonly content: JsonObject }): Recorded | undefined {
  if (event.type !== 'm.room.message' || objectOf(event, 'm.relates_to')?.rel_type === 'm.replace') return undefined
  const msgtype = stringOf(event, 'msgtype')
  const isVoice = msgtype === 'm.audio' && voiceKeys.some((key) => objectOf(event, key) !== undefined)
  if (!isVoice && msgtype !== 'm.video') return undefined
  const info = objectOf(event, 'info') ?? {}
  const duration = integerOf({ content: info }, 'duration') ?? 0
  const file = objectOf(event, 'file')
  const [body, fileName] = [stringOf(event, 'body'), stringOf(event, 'filename')]
  return {
    kind: isVoice ? 'voice' : 'video',
    mxc: addressOf(stringOf(event, 'url') ?? (file && stringOf({ content: file }, 'url'))),
    durationMs: Math.max(0, duration),
    // Recorders call a file without a caption by its name, with or without the ending.
    caption:
      fileName !== undefined && body !== fileName && body !== withoutEnding(fileName) ? storable(body) : undefined,
  }
}

function addressOf(url: string | undefined): string | undefined {
  const ref = url === undefined ? undefined : parseMxc(url)
  return ref && formatMxc(ref)
}

/** PostgreSQL takes no U+0000 in texts. */
const storable = (text: string | undefined) => text?.replaceAll('\0', '')

const withoutEnding = (fileName: string) => fileName.replace(/\.\w+$/, '')

const voiceKeys = ['org.matrix.msc3245.voice', 'm.voice']

/** What a note of another server says of itself; undefined where it does not say that it is one. */
export function readForeignNote(
  event: Pick<Pdu, 'content'>,
): { noteId: string; callId: string | undefined } | undefined {
  const note = objectOf(event, 'io.ringback.note')
  const call = objectOf(event, 'io.ringback.missed_call')
  const noteId = note && storable(stringOf({ content: note }, 'note_id'))
  if (!noteId || noteId.length > 100 || !call) return undefined
  return { noteId, callId: storable(stringOf({ content: call }, 'call_id'))?.slice(0, 200) }
}

/** The event that a message answers or reacts to. */
export function targetOf(event: Pick<Pdu, 'type' | 'content'>): string | undefined {
  const relation = objectOf(event, 'm.relates_to')
  if (relation === undefined) return undefined
  const reply = objectOf({ content: relation }, 'm.in_reply_to')
  const isReaction = event.type === 'm.reaction'
  return isReaction ? stringOf({ content: relation }, 'event_id') : reply && stringOf({ content: reply }, 'event_id')
}
