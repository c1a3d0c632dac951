import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { RoomDraft } from '../draft.ts'
import { isChild, readRelation } from '../store-relations.ts'

/**
 * Throws `400 M_UNKNOWN` for a message that starts a thread from an event which itself relates to another one.
 * https://spec.matrix.org/v1.19/client-server-api/#validation-of-mthread-relationships
 */
export async function refuseNestedThread(draft: RoomDraft, content: JsonObject): Promise<void> {
  const relation = readRelation({ content })
  if (relation?.relType !== 'm.thread') return
  const drafted = draft.events.find(({ eventId }) => eventId === relation.parentId)
  const isNested =
    drafted === undefined ? await isChild(draft.reader, relation.parentId) : readRelation(drafted.pdu) !== undefined
  if (isNested) throw errors.unknown(400, 'A thread cannot start from an event that relates to another one')
}
