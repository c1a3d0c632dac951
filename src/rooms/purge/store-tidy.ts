import { sql } from 'kysely'
import type { Reader, Tx } from '../../db/database.ts'

/** Events of a stretch of history that follow what has no place there any more. */
export async function listBroken(
  reader: Reader,
  range: { roomNid: number; after: number; upTo: number },
): Promise<{ event_nid: number; prev_nid: number }[]> {
  return reader.qb
    .selectFrom('events as e')
    .innerJoin('event_edges as edge', 'edge.event_nid', 'e.event_nid')
    .leftJoin('events as prev', 'prev.event_nid', 'edge.prev_nid')
    .select(['e.event_nid', 'edge.prev_nid'])
    .where('e.room_nid', '=', range.roomNid)
    .where('e.stream_pos', '>', range.after)
    .where('e.stream_pos', '<=', range.upTo)
    .where(({ eb, and, or }) =>
      or([
        eb('prev.event_nid', 'is', null),
        // What was refused has no place, and never had one.
        and([eb('prev.stream_pos', 'is', null), eb('prev.status', '=', 0)]),
      ]),
    )
    .execute()
}

export async function deleteEdge(tx: Tx, edge: { event_nid: number; prev_nid: number }): Promise<void> {
  await tx.qb
    .deleteFrom('event_edges')
    .where('event_nid', '=', edge.event_nid)
    .where('prev_nid', '=', edge.prev_nid)
    .execute()
}

interface ReceiptKey {
  readonly user_id: string
  readonly receipt_type: string
  readonly thread_id: string
}

/** A page of the receipts of a room, by users; `is_open` 0: their event is not here any more. */
export async function listReceipts(
  reader: Reader,
  { roomNid, after, before, limit }: { roomNid: number; after: ReceiptKey; before: number; limit: number },
): Promise<(ReceiptKey & { is_open: number })[]> {
  return reader.qb
    .selectFrom('receipts as r')
    .leftJoin('events as e', 'e.event_id', 'r.event_id')
    .select(['r.user_id', 'r.receipt_type', 'r.thread_id'])
    .select(({ eb }) =>
      eb
        .case()
        .when(eb.and([eb('r.event_pos', '<', before), eb('e.stream_pos', 'is', null)]))
        .then(0)
        .else(1)
        .end()
        .as('is_open'),
    )
    .where('r.room_nid', '=', roomNid)
    .where(
      sql<boolean>`(r.user_id, r.receipt_type, r.thread_id) > (${after.user_id}, ${after.receipt_type}, ${after.thread_id})`,
    )
    .orderBy('r.user_id')
    .orderBy('r.receipt_type')
    .orderBy('r.thread_id')
    .limit(limit)
    .execute()
}

export async function deleteReceipt(tx: Tx, roomNid: number, key: ReceiptKey): Promise<void> {
  await tx.qb
    .deleteFrom('receipts')
    .where('room_nid', '=', roomNid)
    .where('user_id', '=', key.user_id)
    .where('receipt_type', '=', key.receipt_type)
    .where('thread_id', '=', key.thread_id)
    .execute()
}
