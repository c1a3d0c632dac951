import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'

export interface QueuedMessage {
  readonly stream_pos: number
  readonly user_id: string
  readonly device_id: string
}

const insertMessageRow = prepare((qb, p: { id: string; position: number; userId: string; deviceId: string }) =>
  qb
    .insertInto('appservice_to_device')
    .values({ appservice_id: p.id, stream_pos: p.position, user_id: p.userId, device_id: p.deviceId }),
)
const messagePage = prepare((qb, p: { id: string; limit: number }) =>
  qb
    .selectFrom('appservice_to_device')
    .select(['stream_pos', 'user_id', 'device_id'])
    .where('appservice_id', '=', p.id)
    .orderBy('stream_pos')
    .limit(p.limit),
)
const deleteMessageRows = prepare((qb, p: { id: string; upTo: number }) =>
  qb.deleteFrom('appservice_to_device').where('appservice_id', '=', p.id).where('stream_pos', '<=', p.upTo),
)
const insertReceiptRow = prepare((qb, p: { id: string; roomNid: number; since: number }) =>
  qb
    .insertInto('appservice_receipts')
    .values({ appservice_id: p.id, room_nid: p.roomNid, since_pos: p.since })
    .onConflict((c) => c.doNothing()),
)
const receiptPage = prepare((qb, p: { id: string; limit: number }) =>
  qb
    .selectFrom('appservice_receipts as a')
    .innerJoin('rooms as r', 'r.room_nid', 'a.room_nid')
    .select(['a.room_nid', 'a.since_pos', 'r.room_id'])
    .where('a.appservice_id', '=', p.id)
    .orderBy('a.since_pos')
    .limit(p.limit),
)
const deleteReceiptRow = prepare((qb, p: { id: string; roomNid: number }) =>
  qb.deleteFrom('appservice_receipts').where('appservice_id', '=', p.id).where('room_nid', '=', p.roomNid),
)
const insertCountRow = prepare((qb, p: { id: string; userId: string; deviceId: string }) =>
  qb
    .insertInto('appservice_key_counts')
    .values({ appservice_id: p.id, user_id: p.userId, device_id: p.deviceId })
    .onConflict((c) => c.doNothing()),
)
const countPage = prepare((qb, p: { id: string; limit: number }) =>
  qb
    .selectFrom('appservice_key_counts')
    .select(['user_id', 'device_id'])
    .where('appservice_id', '=', p.id)
    .limit(p.limit),
)
const deleteCountRow = prepare((qb, p: { id: string; userId: string; deviceId: string }) =>
  qb
    .deleteFrom('appservice_key_counts')
    .where('appservice_id', '=', p.id)
    .where('user_id', '=', p.userId)
    .where('device_id', '=', p.deviceId),
)

export async function queueMessage(
  tx: Tx,
  id: string,
  message: { position: number; userId: string; deviceId: string },
): Promise<void> {
  const { position, userId, deviceId } = message
  await insertMessageRow.run(tx, { id, position, userId, deviceId })
}

export const listQueuedMessages = (reader: Reader, id: string, limit: number): Promise<QueuedMessage[]> =>
  messagePage.all(reader, { id, limit })

export async function deleteQueuedMessages(tx: Tx, id: string, upTo: number): Promise<void> {
  await deleteMessageRows.run(tx, { id, upTo })
}

/** Notes that a room has receipts after a position; an earlier note stands. */
export async function queueReceipts(tx: Tx, id: string, roomNid: number, since: number): Promise<void> {
  await insertReceiptRow.run(tx, { id, roomNid, since })
}

export const listQueuedReceipts = (
  reader: Reader,
  id: string,
  limit: number,
): Promise<{ room_nid: number; since_pos: number; room_id: string }[]> => receiptPage.all(reader, { id, limit })

export async function deleteQueuedReceipts(tx: Tx, id: string, roomNid: number): Promise<void> {
  await deleteReceiptRow.run(tx, { id, roomNid })
}

export async function queueKeyCount(tx: Tx, id: string, device: { userId: string; deviceId: string }): Promise<void> {
  await insertCountRow.run(tx, { id, userId: device.userId, deviceId: device.deviceId })
}

export async function listQueuedKeyCounts(
  reader: Reader,
  id: string,
  limit: number,
): Promise<{ userId: string; deviceId: string }[]> {
  const rows = await countPage.all(reader, { id, limit })
  return rows.map((row) => ({ userId: row.user_id, deviceId: row.device_id }))
}

export async function deleteQueuedKeyCount(
  tx: Tx,
  id: string,
  device: { userId: string; deviceId: string },
): Promise<void> {
  await deleteCountRow.run(tx, { id, userId: device.userId, deviceId: device.deviceId })
}

/** Whether anything but events waits for the service. */
export async function hasNews(reader: Reader, id: string): Promise<boolean> {
  if ((await listQueuedMessages(reader, id, 1)).length > 0) return true
  if ((await listQueuedReceipts(reader, id, 1)).length > 0) return true
  return (await listQueuedKeyCounts(reader, id, 1)).length > 0
}
