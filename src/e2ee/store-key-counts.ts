import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

interface DeviceRef {
  readonly userId: string
  readonly deviceId: string
}

const one = prepare((qb, p: DeviceRef) =>
  qb
    .selectFrom('device_key_counts')
    .select(['one_time_keys', 'unused_fallback'])
    .where('user_id', '=', p.userId)
    .where('device_id', '=', p.deviceId),
)
const upsert = prepare((qb, p: DeviceRef & { oneTimeKeys: string; unusedFallback: string }) =>
  qb
    .insertInto('device_key_counts')
    .values({
      user_id: p.userId,
      device_id: p.deviceId,
      one_time_keys: p.oneTimeKeys,
      unused_fallback: p.unusedFallback,
    })
    .onConflict((c) =>
      c.columns(['user_id', 'device_id']).doUpdateSet((eb) => ({
        one_time_keys: eb.ref('excluded.one_time_keys'),
        unused_fallback: eb.ref('excluded.unused_fallback'),
      })),
    ),
)

export interface KeyCounts {
  /** Unclaimed one-time keys by algorithm. */
  readonly oneTimeKeys: Record<string, number>
  /** Algorithms whose fallback key nobody has been given. */
  readonly unusedFallback: string[]
}

export async function getKeyCounts(reader: Reader, device: DeviceRef): Promise<KeyCounts | undefined> {
  const row = await one.first(reader, { ...device })
  return row && { oneTimeKeys: JSON.parse(row.one_time_keys), unusedFallback: JSON.parse(row.unused_fallback) }
}

export async function upsertKeyCounts(tx: Tx, device: DeviceRef, counts: KeyCounts): Promise<void> {
  await upsert.run(tx, {
    ...device,
    oneTimeKeys: JSON.stringify(counts.oneTimeKeys),
    unusedFallback: JSON.stringify(counts.unusedFallback),
  })
}

export async function deleteKeyCounts(tx: Tx, { userId, deviceId }: DeviceRef): Promise<void> {
  await tx.qb.deleteFrom('device_key_counts').where('user_id', '=', userId).where('device_id', '=', deviceId).execute()
}
