import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { NamedKey } from './key-format.ts'

interface DeviceRef {
  readonly userId: string
  readonly deviceId: string
}
type Slot = DeviceRef & { algorithm: string }

const named = prepare((qb, p: Slot & { keyId: string }) =>
  qb
    .selectFrom('one_time_keys')
    .select(['otk_nid', 'json', 'claimed'])
    .where('user_id', '=', p.userId)
    .where('device_id', '=', p.deviceId)
    .where('algorithm', '=', p.algorithm)
    .where('key_id', '=', p.keyId),
)
const insert = prepare((qb, p: DeviceRef & NamedKey) =>
  qb.insertInto('one_time_keys').values({
    user_id: p.userId,
    device_id: p.deviceId,
    algorithm: p.algorithm,
    key_id: p.keyId,
    json: p.json,
    claimed: 0,
  }),
)
const deleteOne = prepare((qb, p: { nid: number }) => qb.deleteFrom('one_time_keys').where('otk_nid', '=', p.nid))
const next = prepare((qb, p: Slot) =>
  qb
    .selectFrom('one_time_keys')
    .select(['otk_nid', 'key_id', 'json'])
    .where('user_id', '=', p.userId)
    .where('device_id', '=', p.deviceId)
    .where('claimed', '=', 0)
    .where('algorithm', '=', p.algorithm)
    .orderBy('otk_nid')
    .limit(1),
)
const claim = prepare((qb, p: { nid: number }) =>
  qb.updateTable('one_time_keys').set({ claimed: 1 }).where('otk_nid', '=', p.nid),
)
const count = prepare((qb, p: DeviceRef) =>
  qb
    .selectFrom('one_time_keys')
    .select((eb) => ['algorithm', eb.fn.countAll<number>().as('n')])
    .where('user_id', '=', p.userId)
    .where('device_id', '=', p.deviceId)
    .where('claimed', '=', 0)
    .groupBy('algorithm'),
)
const forgetClaimed = prepare((qb, p: DeviceRef & { keep: number }) =>
  qb
    .deleteFrom('one_time_keys')
    .where('user_id', '=', p.userId)
    .where('device_id', '=', p.deviceId)
    .where('claimed', '=', 1)
    .where('otk_nid', '<=', (eb) =>
      eb
        .selectFrom('one_time_keys as newer')
        .select('newer.otk_nid')
        .where('newer.user_id', '=', p.userId)
        .where('newer.device_id', '=', p.deviceId)
        .where('newer.claimed', '=', 1)
        .orderBy('newer.otk_nid', 'desc')
        .limit(1)
        .offset(p.keep),
    ),
)

export interface StoredOneTimeKey {
  readonly nid: number
  readonly json: string
  readonly isClaimed: boolean
}

export async function getOneTimeKey(
  reader: Reader,
  device: DeviceRef,
  key: NamedKey,
): Promise<StoredOneTimeKey | undefined> {
  const row = await named.first(reader, { ...device, algorithm: key.algorithm, keyId: key.keyId })
  return row && { nid: row.otk_nid, json: row.json, isClaimed: row.claimed === 1 }
}

export async function insertOneTimeKey(tx: Tx, device: DeviceRef, key: NamedKey): Promise<void> {
  await insert.run(tx, { ...device, ...key })
}

export async function deleteOneTimeKey(tx: Tx, nid: number): Promise<void> {
  await deleteOne.run(tx, { nid })
}

/** Marks the oldest unclaimed key of an algorithm as claimed and returns it. */
export async function takeOneTimeKey(
  tx: Tx,
  device: DeviceRef,
  algorithm: string,
): Promise<{ keyId: string; json: string } | undefined> {
  const row = await next.first(tx, { ...device, algorithm })
  if (row === undefined) return undefined
  await claim.run(tx, { nid: row.otk_nid })
  return { keyId: row.key_id, json: row.json }
}

/** Unclaimed keys by algorithm. */
export async function countOneTimeKeys(reader: Reader, device: DeviceRef): Promise<Record<string, number>> {
  const rows = await count.all(reader, { ...device })
  return Object.fromEntries(rows.map((row) => [row.algorithm, row.n]))
}

/** Removes claimed keys except the newest `keep` of a device. */
export async function forgetClaimedKeys(tx: Tx, device: DeviceRef, keep: number): Promise<void> {
  await forgetClaimed.run(tx, { ...device, keep })
}

export async function deleteOneTimeKeys(tx: Tx, { userId, deviceId }: DeviceRef): Promise<void> {
  await tx.qb.deleteFrom('one_time_keys').where('user_id', '=', userId).where('device_id', '=', deviceId).execute()
}
