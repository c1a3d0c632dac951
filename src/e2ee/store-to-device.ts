import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

interface DeviceRef {
  readonly userId: string
  readonly deviceId: string
}

const insert = prepare((qb, p: DeviceRef & { position: number; json: string }) =>
  qb
    .insertInto('to_device_inbox')
    .values({ user_id: p.userId, device_id: p.deviceId, stream_pos: p.position, json: p.json }),
)
const page = prepare((qb, p: DeviceRef & { after: number; upTo: number; limit: number }) =>
  qb
    .selectFrom('to_device_inbox')
    .select(['stream_pos', 'json'])
    .where('user_id', '=', p.userId)
    .where('device_id', '=', p.deviceId)
    .where('stream_pos', '>', p.after)
    .where('stream_pos', '<=', p.upTo)
    .orderBy('stream_pos')
    .limit(p.limit),
)
const one = prepare((qb, p: DeviceRef & { position: number }) =>
  qb
    .selectFrom('to_device_inbox')
    .select('json')
    .where('user_id', '=', p.userId)
    .where('device_id', '=', p.deviceId)
    .where('stream_pos', '=', p.position),
)
const removeOne = prepare((qb, p: DeviceRef & { position: number }) =>
  qb
    .deleteFrom('to_device_inbox')
    .where('user_id', '=', p.userId)
    .where('device_id', '=', p.deviceId)
    .where('stream_pos', '=', p.position),
)
const acknowledge = prepare((qb, p: DeviceRef & { upTo: number }) =>
  qb
    .deleteFrom('to_device_inbox')
    .where('user_id', '=', p.userId)
    .where('device_id', '=', p.deviceId)
    .where('stream_pos', '<=', p.upTo),
)
const txn = prepare((qb, p: DeviceRef & { type: string; txnId: string; ts: number }) =>
  qb
    .insertInto('to_device_txns')
    .values({ user_id: p.userId, device_id: p.deviceId, event_type: p.type, txn_id: p.txnId, ts: p.ts })
    .onConflict((c) => c.doNothing()),
)

export async function insertMessage(tx: Tx, device: DeviceRef, position: number, json: string): Promise<void> {
  await insert.run(tx, { userId: device.userId, deviceId: device.deviceId, position, json })
}

/** Messages in `(after, upTo]`, oldest first. */
export function listMessages(
  reader: Reader,
  device: DeviceRef,
  range: { after: number; upTo: number; limit: number },
): Promise<{ stream_pos: number; json: string }[]> {
  return page.all(reader, { userId: device.userId, deviceId: device.deviceId, ...range })
}

export async function getMessage(reader: Reader, device: DeviceRef, position: number): Promise<string | undefined> {
  return (await one.first(reader, { userId: device.userId, deviceId: device.deviceId, position }))?.json
}

export async function deleteMessage(tx: Tx, device: DeviceRef, position: number): Promise<void> {
  await removeOne.run(tx, { userId: device.userId, deviceId: device.deviceId, position })
}

export async function deleteMessages(tx: Tx, device: DeviceRef, upTo: number): Promise<void> {
  await acknowledge.run(tx, { userId: device.userId, deviceId: device.deviceId, upTo })
}

/** False where the device has made this request before. */
export async function insertTransaction(
  tx: Tx,
  sender: DeviceRef,
  request: { type: string; txnId: string; ts: number },
): Promise<boolean> {
  const result = await txn.run(tx, { userId: sender.userId, deviceId: sender.deviceId, ...request })
  return result.changes > 0
}

export async function deleteTransactionsBefore(tx: Tx, ts: number): Promise<void> {
  await tx.qb.deleteFrom('to_device_txns').where('ts', '<', ts).execute()
}

export async function deleteTransactionsOf(tx: Tx, { userId, deviceId }: DeviceRef): Promise<void> {
  await tx.qb.deleteFrom('to_device_txns').where('user_id', '=', userId).where('device_id', '=', deviceId).execute()
}
