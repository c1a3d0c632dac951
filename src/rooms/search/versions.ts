import type { Reader } from '../../db/database.ts'
import { byRecency, isValidEdit } from '../relations/edits.ts'
import { readRelation } from '../store-relations.ts'
import type { StoredEvent } from '../types.ts'
import { listEditsOf } from './store-search.ts'

/** The id of the event that a message claims to edit. */
export function editedBy({ pdu }: Pick<StoredEvent, 'pdu'>): string | undefined {
  const relation = readRelation(pdu)
  return relation?.relType === 'm.replace' ? relation.parentId : undefined
}

const maxEdits = 20

/** The valid edits of messages by the id of what they edit, the most recent first; at most 20 of each. */
export async function listVersions(
  reader: Reader,
  originals: readonly StoredEvent[],
): Promise<ReadonlyMap<string, readonly StoredEvent[]>> {
  const messages = originals.filter(({ pdu }) => pdu.state_key === undefined)
  const edits = await listEditsOf(
    reader,
    messages.map(({ eventId }) => eventId),
  )
  const versions = new Map<string, readonly StoredEvent[]>()
  for (const original of messages) {
    const valid = (edits.get(original.eventId) ?? []).filter(
      (edit) => edit.roomNid === original.roomNid && isValidEdit(original.pdu, edit.pdu),
    )
    if (valid.length > 0) versions.set(original.eventId, valid.sort(byRecency).slice(0, maxEdits))
  }
  return versions
}
