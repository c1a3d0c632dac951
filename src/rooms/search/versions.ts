import type { Reader } from '../../db/database.ts'
import { byRecency, isValidEdit } from '../relations/edits.ts'
import { listEdits } from '../relations/store-summaries.ts'
import { listEventsByNid } from '../store-events.ts'
import { readRelation } from '../store-relations.ts'
import type { StoredEvent } from '../types.ts'
import { listEdited } from './store-search.ts'

/** The id of the event that a message claims to edit. */
export function editedBy({ pdu }: Pick<StoredEvent, 'pdu'>): string | undefined {
  const relation = readRelation(pdu)
  return relation?.relType === 'm.replace' ? relation.parentId : undefined
}

/** Nobody looks further back: who sees no newer edit has left long ago, and a bot may edit a message all day. */
const maxEdits = 3

/** The valid edits of messages by the id of what they edit, the most recent first; at most 3 of each. */
export async function listVersions(
  reader: Reader,
  originals: readonly StoredEvent[],
): Promise<ReadonlyMap<string, readonly StoredEvent[]>> {
  const messages = originals.filter(({ pdu }) => pdu.state_key === undefined)
  const edited = await listEdited(
    reader,
    messages.map(({ eventId }) => eventId),
  )
  const versions = new Map<string, readonly StoredEvent[]>()
  for (const original of messages) {
    if (!edited.has(original.eventId)) continue
    const { roomNid, eventId: parentId, pdu } = original
    const edits = await listEventsByNid(
      reader,
      await listEdits(reader, { roomNid, parentId, sender: pdu.sender, limit: maxEdits }),
    )
    const valid = edits.filter((edit) => edit.status === 0 && isValidEdit(pdu, edit.pdu))
    if (valid.length > 0) versions.set(parentId, valid.sort(byRecency))
  }
  return versions
}
