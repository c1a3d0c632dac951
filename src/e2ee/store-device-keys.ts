import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

interface DeviceRef {
  readonly userId: string
  readonly deviceId: string
}

const one = prepare((qb, p: DeviceRef) =>
  qb.selectFrom('device_keys').select('json').where('user_id', '=', p.userId).where('device_id', '=', p.deviceId),
)
const upsert = prepare((qb, p: DeviceRef & { json: string }) =>
  qb
    .insertInto('device_keys')
    .values({ user_id: p.userId, device_id: p.deviceId, json: p.json })
    .onConflict((c) => c.columns(['user_id', 'device_id']).doUpdateSet((eb) => ({ json: eb.ref('excluded.json') }))),
)

export async function getDeviceKeys(reader: Reader, userId: string, deviceId: string): Promise<string | undefined> {
  return (await one.first(reader, { userId, deviceId }))?.json
}

export async function upsertDeviceKeys(tx: Tx, userId: string, deviceId: string, json: string): Promise<void> {
  await upsert.run(tx, { userId, deviceId, json })
}

/** Everything we hold for the devices of these users; at most a few hundred users at once. */
export function listDeviceKeys(
  reader: Reader,
  userIds: readonly string[],
): Promise<{ user_id: string; device_id: string; json: string }[]> {
  return reader.qb.selectFrom('device_keys').selectAll().where('user_id', 'in', userIds).execute()
}

/** True where there were some. */
export async function deleteDeviceKeys(tx: Tx, userId: string, deviceId: string): Promise<boolean> {
  const result = await tx.qb
    .deleteFrom('device_keys')
    .where('user_id', '=', userId)
    .where('device_id', '=', deviceId)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

export async function hasDeviceKeys(reader: Reader, userId: string, deviceId: string): Promise<boolean> {
  return (await one.first(reader, { userId, deviceId })) !== undefined
}
