import { objectOf } from '../../matrix/content.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { RoomDraft } from '../draft.ts'
import { listAnnotations } from './store-annotations.ts'

interface Annotation {
  readonly parentId: string
  readonly key: string
}

function annotationOf(content: JsonObject): Annotation | undefined {
  const relation = objectOf({ content }, 'm.relates_to')
  if (relation?.rel_type !== 'm.annotation') return undefined
  const { event_id: parentId, key } = relation
  return typeof parentId === 'string' && typeof key === 'string' ? { parentId, key } : undefined
}

/**
 * Throws `400 M_DUPLICATE_ANNOTATION` where the user has sent the same reaction to the same event before.
 * https://spec.matrix.org/v1.19/client-server-api/#avoiding-duplicate-annotations
 */
export async function refuseDuplicateAnnotation(
  draft: RoomDraft,
  sender: UserId,
  type: string,
  content: JsonObject,
): Promise<void> {
  const wanted = annotationOf(content)
  if (wanted === undefined) return
  const stored = await listAnnotations(draft.reader, wanted.parentId, sender, type)
  const drafted = draft.events.map(({ pdu }) => pdu).filter((pdu) => pdu.sender === sender && pdu.type === type)
  const isDuplicate = [...stored, ...drafted].some((pdu) => {
    const other = annotationOf(pdu.content)
    return other?.parentId === wanted.parentId && other.key === wanted.key
  })
  if (isDuplicate) throw errors.duplicateAnnotation()
}
