import type { JsonObject } from '../../matrix/event.ts'
import { formatMxc, type MediaRef, parseMxc } from '../../matrix/mxc.ts'
import { htmlTokens } from '../previews/html-tokens.ts'
import type { ContentKind } from './policy.ts'

/** An event, as far as it can show media. */
export interface ShowingEvent {
  readonly type: string
  readonly content: JsonObject
  readonly state_key?: string | undefined
}

/** Media that an event shows. */
export interface MediaUse {
  readonly ref: MediaRef
  /**
   * `message`: it is what the message brings. `thumbnail`: it stands for the message's media until that is opened.
   * `pinned`: it is part of how somebody or something looks, and is never deleted because it has been seen.
   */
  readonly kind: 'message' | 'thumbnail' | 'pinned'
}

/** What a message shows beyond these is not followed, and so never deleted. */
const mostShown = 20
const deepest = 12

/** All media that an event shows, each once; in encrypted events none can be seen. */
export function mediaUses(event: ShowingEvent): MediaUse[] {
  const uses = new Map<string, MediaUse>()
  let shown = 0
  const isMessage = event.state_key === undefined && event.type !== 'm.sticker' && event.type !== 'm.reaction'
  const add = (uri: string, kind: MediaUse['kind']) => {
    const ref = parseMxc(uri)
    if (!ref) return
    const key = formatMxc(ref)
    const known = uses.get(key)
    if (!known && kind !== 'pinned' && ++shown > mostShown) return
    if (!known || weight[kind] > weight[known.kind]) uses.set(key, { ref, kind })
  }
  walk(event.content, (key, text, isThumbnail) => {
    if (key === 'formatted_body') {
      for (const { uri, isEmote } of picturesIn(text)) add(uri, isMessage && !isEmote ? 'message' : 'pinned')
    } else if (key !== 'body' && text.startsWith('mxc://')) {
      add(text, !isMessage ? 'pinned' : isThumbnail ? 'thumbnail' : 'message')
    }
  })
  return [...uses.values()]
}

const weight: Readonly<Record<MediaUse['kind'], number>> = { thumbnail: 0, message: 1, pinned: 2 }

type Visit = (key: string, text: string, isThumbnail: boolean) => void

function walk(value: unknown, visit: Visit, key = '', isThumbnail = false, depth = 0): void {
  if (typeof value === 'string') visit(key, value, isThumbnail)
  else if (typeof value === 'object' && value !== null && depth < deepest) {
    for (const [name, inner] of Object.entries(value)) {
      const innerKey = Array.isArray(value) ? key : name
      walk(inner, visit, innerKey, isThumbnail || innerKey.startsWith('thumbnail'), depth + 1)
    }
  }
}

function* picturesIn(html: string): Generator<{ uri: string; isEmote: boolean }> {
  if (!html.includes('mxc://')) return
  for (const token of htmlTokens(html)) {
    if (token.kind !== 'open' || token.name !== 'img') continue
    const uri = token.attributes.get('src')
    if (uri !== undefined) yield { uri, isEmote: token.attributes.has('data-mx-emoticon') }
  }
}

/** The event that this one takes the place of: https://spec.matrix.org/v1.19/client-server-api/#event-replacements */
export function replacedEvent({ content, state_key: stateKey }: ShowingEvent): string | undefined {
  const relation = content['m.relates_to']
  if (stateKey !== undefined || typeof relation !== 'object' || relation === null || Array.isArray(relation)) return
  const { rel_type: type, event_id: eventId } = relation
  return type === 'm.replace' && typeof eventId === 'string' ? eventId : undefined
}

/**
 * What the media of a message is: notes that somebody left after a missed call carry `io.ringback.note`, pictures that a
 * model made `io.ringback.ai_generated`.
 */
export function contentKindOf({ content }: ShowingEvent): ContentKind {
  const has = (key: string) => typeof content[key] === 'object' && content[key] !== null
  if (has('io.ringback.note')) return 'note'
  if (has('io.ringback.ai_generated')) return 'ai_image'
  if (has('org.matrix.msc3245.voice') || has('m.voice')) return 'voice'
  if (content.msgtype === 'm.image') return 'image'
  return content.msgtype === 'm.video' ? 'video' : 'file'
}
