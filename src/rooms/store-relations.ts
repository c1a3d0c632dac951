import { type Kysely, sql } from 'kysely'
import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { Schema } from '../db/schema.ts'
import { objectOf } from '../matrix/content.ts'
import type { Pdu } from '../matrix/event.ts'
import type { EventId } from '../matrix/ids.ts'
import type { StoredEvent } from './types.ts'

export interface Relation {
  readonly parentId: EventId
  readonly relType: string
  /** What the parent relates to, and what that relates to. */
  readonly grandparentId: string | undefined
  readonly greatGrandparentId: string | undefined
  /** The root of the thread that the event belongs to. */
  readonly threadId: EventId | undefined
}

/** What the content says of its parent; undefined without a complete `m.relates_to`. */
export function readRelation(pdu: Pick<Pdu, 'content'>): { parentId: EventId; relType: string } | undefined {
  const relation = objectOf(pdu, 'm.relates_to')
  if (relation === undefined) return undefined
  const { event_id: parentId, rel_type: relType } = relation
  if (typeof parentId !== 'string' || !parentId.startsWith('$') || typeof relType !== 'string') return undefined
  return { parentId: parentId as EventId, relType }
}

const parentById = prepare((qb, p: { eventId: string }) =>
  qb
    .selectFrom('events as e')
    .leftJoin('relations as r', 'r.event_nid', 'e.event_nid')
    .select(['e.room_nid', 'e.thread_id', 'r.parent_id', 'r.grandparent_id'])
    .where('e.event_id', '=', p.eventId),
)

/** Whether an event relates to another one, so that no thread can start from it. */
export async function isChild(reader: Reader, eventId: string): Promise<boolean> {
  return typeof (await parentById.first(reader, { eventId }))?.parent_id === 'string'
}

/**
 * The relation with the thread it puts the event into: a thread's root, or the thread of the event that is annotated
 * or replaced. A plain reference belongs to no thread, and a relation across rooms is none.
 * https://spec.matrix.org/v1.19/client-server-api/#threading
 */
export async function resolveRelation(tx: Tx, roomNid: number, pdu: Pdu): Promise<Relation | undefined> {
  const relation = readRelation(pdu)
  if (relation === undefined) return undefined
  const parent = await parentById.first(tx, { eventId: relation.parentId })
  if (parent !== undefined && parent.room_nid !== roomNid) return undefined
  const parentThread = (parent?.thread_id as EventId | null | undefined) ?? undefined
  const startsThread = relation.relType === 'm.thread' && typeof parent?.parent_id !== 'string'
  const isReference = relation.relType === 'm.reference'
  return {
    ...relation,
    grandparentId: parent?.parent_id ?? undefined,
    greatGrandparentId: parent?.grandparent_id ?? undefined,
    threadId: startsThread ? relation.parentId : isReference ? undefined : parentThread,
  }
}

/** Those of the events to which another one relates, of one of these types and by one of these people where they are given. */
export async function listParents(
  { qb }: Reader,
  ids: readonly string[],
  by: { readonly relTypes: readonly string[] | undefined; readonly senders: readonly string[] | undefined },
): Promise<ReadonlySet<string>> {
  if (ids.length === 0 || by.relTypes?.length === 0 || by.senders?.length === 0) return new Set()
  let query = qb.selectFrom('relations').select('parent_id').distinct().where('parent_id', 'in', ids)
  if (by.relTypes !== undefined) query = query.where('rel_type', 'in', by.relTypes)
  if (by.senders !== undefined) query = query.where('sender', 'in', by.senders)
  return new Set((await query.execute()).map((row) => row.parent_id))
}

interface NewRelation {
  nid: number
  roomNid: number
  streamPos: number
  parentId: string
  grandparentId: string | null
  greatGrandparentId: string | null
  relType: string
  sender: string
  originServerTs: number
}

const insertRow = prepare((qb, p: NewRelation) =>
  qb.insertInto('relations').values({
    event_nid: p.nid,
    room_nid: p.roomNid,
    stream_pos: p.streamPos,
    parent_id: p.parentId,
    grandparent_id: p.grandparentId,
    great_grandparent_id: p.greatGrandparentId,
    rel_type: p.relType,
    sender: p.sender,
    origin_server_ts: p.originServerTs,
  }),
)
const countReply = prepare((qb, p: { roomNid: number; rootId: string; streamPos: number }) =>
  qb
    .insertInto('threads')
    .values({ room_nid: p.roomNid, root_id: p.rootId, replies: 1, latest_pos: p.streamPos })
    .onConflict((conflict) =>
      conflict.columns(['room_nid', 'root_id']).doUpdateSet({
        replies: sql`threads.replies + 1`,
        latest_pos: sql`case when excluded.latest_pos > threads.latest_pos then excluded.latest_pos else threads.latest_pos end`,
      }),
    ),
)

/** Files the relation of an event that has its place in the timeline. */
export async function insertRelation(
  tx: Tx,
  event: { nid: number; roomNid: number; streamPos: number; pdu: Pdu },
  relation: Relation,
): Promise<void> {
  const { nid, roomNid, streamPos, pdu } = event
  const { parentId, relType, grandparentId, greatGrandparentId, threadId } = relation
  await insertRow.run(tx, {
    nid,
    roomNid,
    streamPos,
    parentId,
    grandparentId: grandparentId ?? null,
    greatGrandparentId: greatGrandparentId ?? null,
    relType,
    sender: pdu.sender,
    originServerTs: pdu.origin_server_ts,
  })
  if (relType === 'm.thread' && threadId === parentId)
    await countReply.run(tx, { roomNid, rootId: parentId, streamPos })
}

/** A redacted event relates to nothing any more, and what relates to it no longer to its parent. */
export async function deleteRelation(tx: Tx, event: Pick<StoredEvent, 'nid' | 'eventId' | 'threadId'>): Promise<void> {
  const { nid, eventId, threadId } = event
  const { qb } = tx
  const row = await qb.selectFrom('relations').selectAll().where('event_nid', '=', nid).executeTakeFirst()
  if (row === undefined) return
  await qb.deleteFrom('relations').where('event_nid', '=', nid).execute()
  await qb
    .updateTable('relations')
    .set({ grandparent_id: null, great_grandparent_id: null })
    .where('parent_id', '=', eventId)
    .execute()
  await qb.updateTable('relations').set({ great_grandparent_id: null }).where('grandparent_id', '=', eventId).execute()
  if (row.rel_type === 'm.thread' && threadId === row.parent_id) await recountThread(qb, row.room_nid, row.parent_id)
}

async function recountThread(qb: Kysely<Schema>, roomNid: number, rootId: string): Promise<void> {
  const latest = await qb
    .selectFrom('relations')
    .select('stream_pos')
    .where('parent_id', '=', rootId)
    .where('rel_type', '=', 'm.thread')
    .where('room_nid', '=', roomNid)
    .orderBy('stream_pos', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (latest === undefined) {
    await qb.deleteFrom('threads').where('room_nid', '=', roomNid).where('root_id', '=', rootId).execute()
    return
  }
  await qb
    .updateTable('threads')
    .set((eb) => ({ replies: eb('replies', '-', 1), latest_pos: latest.stream_pos }))
    .where('room_nid', '=', roomNid)
    .where('root_id', '=', rootId)
    .execute()
}
