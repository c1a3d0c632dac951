import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { RoomsSchema } from '../../db/schema/rooms.ts'

export type ReceiptRow = Selectable<RoomsSchema['receipts']>

const one = prepare((qb, p: { roomNid: number; userId: string; type: string; threadId: string }) =>
  qb
    .selectFrom('receipts')
    .selectAll()
    .where('room_nid', '=', p.roomNid)
    .where('user_id', '=', p.userId)
    .where('receipt_type', '=', p.type)
    .where('thread_id', '=', p.threadId),
)
const visible = prepare((qb, p: { roomNid: number; after: number; upTo: number; userId: string }) =>
  qb
    .selectFrom('receipts')
    .selectAll()
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', '>', p.after)
    .where('stream_pos', '<=', p.upTo)
    .where((eb) => eb.or([eb('receipt_type', '!=', 'm.read.private'), eb('user_id', '=', p.userId)]))
    .orderBy('stream_pos'),
)
const inRange = prepare((qb, p: { roomNid: number; after: number; upTo: number }) =>
  qb
    .selectFrom('receipts')
    .selectAll()
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', '>', p.after)
    .where('stream_pos', '<=', p.upTo)
    .orderBy('stream_pos'),
)
const ofUser = prepare((qb, p: { roomNid: number; userId: string }) =>
  qb.selectFrom('receipts').selectAll().where('room_nid', '=', p.roomNid).where('user_id', '=', p.userId),
)
const upsertRow = prepare((qb, p: ReceiptRow) =>
  qb
    .insertInto('receipts')
    .values({
      room_nid: p.room_nid,
      user_id: p.user_id,
      receipt_type: p.receipt_type,
      thread_id: p.thread_id,
      event_id: p.event_id,
      event_pos: p.event_pos,
      ts: p.ts,
      stream_pos: p.stream_pos,
    })
    .onConflict((c) =>
      c.columns(['room_nid', 'user_id', 'receipt_type', 'thread_id']).doUpdateSet((eb) => ({
        event_id: eb.ref('excluded.event_id'),
        event_pos: eb.ref('excluded.event_pos'),
        ts: eb.ref('excluded.ts'),
        stream_pos: eb.ref('excluded.stream_pos'),
      })),
    ),
)

export const getReceipt = (reader: Reader, key: { roomNid: number; userId: string; type: string; threadId: string }) =>
  one.first(reader, key)
/** Receipts written after one stream position up to another, without those that are private to others. */
export const listVisibleReceipts = (
  reader: Reader,
  range: { roomNid: number; after: number; upTo: number; userId: string },
) => visible.all(reader, range)
/** All receipts written after one stream position up to another. */
export const listReceipts = (reader: Reader, range: { roomNid: number; after: number; upTo: number }) =>
  inRange.all(reader, range)
export const listReceiptsOf = (reader: Reader, roomNid: number, userId: string) =>
  ofUser.all(reader, { roomNid, userId })

export async function upsertReceipt(tx: Tx, row: ReceiptRow): Promise<void> {
  await upsertRow.run(tx, row)
}
