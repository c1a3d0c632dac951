import type { Reader, Tx } from '../db/database.ts'
import type { Nested } from './nested.ts'

export interface StoredDehydrated {
  readonly userId: string
  readonly deviceId: string
  readonly displayName: string | undefined
  /** JSON, readable for the user's own clients only. */
  readonly deviceData: string
}

export async function getDehydrated(reader: Reader, userId: string): Promise<StoredDehydrated | undefined> {
  const row = await reader.qb
    .selectFrom('dehydrated_devices')
    .selectAll()
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return (
    row && {
      userId: row.user_id,
      deviceId: row.device_id,
      displayName: row.display_name ?? undefined,
      deviceData: row.device_data,
    }
  )
}

/** How many users one query asks for. */
const page = 500

/** The dehydrated devices of these users, with their display names. */
export async function getDehydratedNames(
  reader: Reader,
  userIds: readonly string[],
): Promise<Nested<string | undefined>> {
  const names: Nested<string | undefined> = new Map()
  for (let i = 0; i < userIds.length; i += page) {
    const rows = await reader.qb
      .selectFrom('dehydrated_devices')
      .select(['user_id', 'device_id', 'display_name'])
      .where('user_id', 'in', userIds.slice(i, i + page))
      .execute()
    for (const row of rows) names.set(row.user_id, new Map([[row.device_id, row.display_name ?? undefined]]))
  }
  return names
}

export async function insertDehydrated(tx: Tx, device: StoredDehydrated): Promise<void> {
  await tx.qb
    .insertInto('dehydrated_devices')
    .values({
      user_id: device.userId,
      device_id: device.deviceId,
      display_name: device.displayName ?? null,
      device_data: device.deviceData,
    })
    .execute()
}

export async function deleteDehydrated(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('dehydrated_devices').where('user_id', '=', userId).execute()
}
