import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { NamedKey } from './key-format.ts'

interface DeviceRef {
  readonly userId: string
  readonly deviceId: string
}
type Slot = DeviceRef & { algorithm: string }

const one = prepare((qb, p: Slot) =>
  qb
    .selectFrom('fallback_keys')
    .select(['key_id', 'json', 'used'])
    .where('user_id', '=', p.userId)
    .where('device_id', '=', p.deviceId)
    .where('algorithm', '=', p.algorithm),
)
const upsert = prepare((qb, p: DeviceRef & NamedKey) =>
  qb
    .insertInto('fallback_keys')
    .values({
      user_id: p.userId,
      device_id: p.deviceId,
      algorithm: p.algorithm,
      key_id: p.keyId,
      json: p.json,
      used: 0,
    })
    .onConflict((c) =>
      c.columns(['user_id', 'device_id', 'algorithm']).doUpdateSet((eb) => ({
        key_id: eb.ref('excluded.key_id'),
        json: eb.ref('excluded.json'),
        used: eb.ref('excluded.used'),
      })),
    ),
)
const markUsed = prepare((qb, p: Slot) =>
  qb
    .updateTable('fallback_keys')
    .set({ used: 1 })
    .where('user_id', '=', p.userId)
    .where('device_id', '=', p.deviceId)
    .where('algorithm', '=', p.algorithm),
)
const unused = prepare((qb, p: DeviceRef) =>
  qb
    .selectFrom('fallback_keys')
    .select('algorithm')
    .where('user_id', '=', p.userId)
    .where('device_id', '=', p.deviceId)
    .where('used', '=', 0)
    .orderBy('algorithm'),
)

export interface StoredFallbackKey {
  readonly keyId: string
  readonly json: string
  readonly isUsed: boolean
}

export async function getFallbackKey(
  reader: Reader,
  device: DeviceRef,
  algorithm: string,
): Promise<StoredFallbackKey | undefined> {
  const row = await one.first(reader, { ...device, algorithm })
  return row && { keyId: row.key_id, json: row.json, isUsed: row.used === 1 }
}

/** Sets the one fallback key of its algorithm, unused. */
export async function upsertFallbackKey(tx: Tx, device: DeviceRef, key: NamedKey): Promise<void> {
  await upsert.run(tx, { ...device, ...key })
}

export async function updateFallbackUsed(tx: Tx, device: DeviceRef, algorithm: string): Promise<void> {
  await markUsed.run(tx, { ...device, algorithm })
}

export async function listUnusedFallback(reader: Reader, device: DeviceRef): Promise<string[]> {
  return (await unused.all(reader, { ...device })).map((row) => row.algorithm)
}

export async function deleteFallbackKeys(tx: Tx, { userId, deviceId }: DeviceRef): Promise<void> {
  await tx.qb.deleteFrom('fallback_keys').where('user_id', '=', userId).where('device_id', '=', deviceId).execute()
}
