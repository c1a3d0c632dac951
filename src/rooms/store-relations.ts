import type { Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { Json, Pdu } from '../matrix/event.ts'
import type { EventId } from '../matrix/ids.ts'
import { getThreadOf } from './store-events.ts'

export interface Relation {
  readonly parentId: EventId
  readonly relType: string
  /** The root of the thread that the event belongs to. */
  readonly threadId: EventId | undefined
}

const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What the content says of its parent; undefined without a complete `m.relates_to`. */
function readRelation(pdu: Pdu): { parentId: EventId; relType: string } | undefined {
  const relation = pdu.content['m.relates_to']
  if (!isObject(relation)) return undefined
  const { event_id: parentId, rel_type: relType } = relation
  if (typeof parentId !== 'string' || typeof relType !== 'string') return undefined
  return { parentId: parentId as EventId, relType }
}

/**
 * The relation with the thread it puts the event into: a thread's root, or the thread of the event that is annotated
 * or replaced. A plain reference belongs to no thread. https://spec.matrix.org/v1.19/client-server-api/#threading
 */
export async function resolveRelation(tx: Tx, pdu: Pdu): Promise<Relation | undefined> {
  const relation = readRelation(pdu)
  if (relation === undefined) return undefined
  if (relation.relType === 'm.thread') return { ...relation, threadId: relation.parentId }
  if (relation.relType === 'm.reference') return { ...relation, threadId: undefined }
  const parent = await getThreadOf(tx, relation.parentId)
  return { ...relation, threadId: (parent?.thread_id as EventId | null | undefined) ?? undefined }
}

const insertRow = prepare((qb, p: { nid: number; roomNid: number; parentId: string; relType: string }) =>
  qb
    .insertInto('relations')
    .values({ event_nid: p.nid, room_nid: p.roomNid, parent_id: p.parentId, rel_type: p.relType }),
)

export async function insertRelation(tx: Tx, nid: number, roomNid: number, relation: Relation): Promise<void> {
  await insertRow.run(tx, { nid, roomNid, parentId: relation.parentId, relType: relation.relType })
}

/** A redacted event relates to nothing any more. */
export async function deleteRelation(tx: Tx, nid: number): Promise<void> {
  await tx.qb.deleteFrom('relations').where('event_nid', '=', nid).execute()
}
