import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { DeviceId } from '../matrix/ids.ts'
import type { Device } from './types.ts'

/** How many users one query asks for. */
const page = 500

function fromRow(row: Selectable<Schema['devices']>): Device {
  return {
    // Only valid ids are inserted.
    deviceId: row.device_id as DeviceId,
    displayName: row.display_name ?? undefined,
    createdTs: row.created_ts,
    lastSeenTs: row.last_seen_ts ?? undefined,
    lastSeenIp: row.last_seen_ip ?? undefined,
    lastSeenUserAgent: row.last_seen_user_agent ?? undefined,
  }
}

export async function listDeviceRows(reader: Reader, userId: string): Promise<Device[]> {
  const rows = await reader.qb
    .selectFrom('devices')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('device_id')
    .execute()
  return rows.map(fromRow)
}

export async function getDeviceRow(reader: Reader, userId: string, deviceId: string): Promise<Device | undefined> {
  const row = await reader.qb
    .selectFrom('devices')
    .selectAll()
    .where('user_id', '=', userId)
    .where('device_id', '=', deviceId)
    .executeTakeFirst()
  return row && fromRow(row)
}

export interface NewDevice {
  readonly userId: string
  readonly deviceId: string
  readonly displayName: string | undefined
  readonly createdTs: number
}

/** True where the device is new; one that exists keeps its name. */
export async function insertDevice(tx: Tx, device: NewDevice): Promise<boolean> {
  const result = await tx.qb
    .insertInto('devices')
    .values({
      user_id: device.userId,
      device_id: device.deviceId,
      display_name: device.displayName ?? null,
      created_ts: device.createdTs,
      last_seen_ts: null,
      last_seen_ip: null,
      last_seen_user_agent: null,
    })
    .onConflict((c) => c.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** False where there is no such device. */
export async function renameDevice(tx: Tx, userId: string, deviceId: string, name: string): Promise<boolean> {
  const result = await tx.qb
    .updateTable('devices')
    .set({ display_name: name })
    .where('user_id', '=', userId)
    .where('device_id', '=', deviceId)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** False where there was no such device. */
export async function deleteDevice(tx: Tx, userId: string, deviceId: string): Promise<boolean> {
  const result = await tx.qb
    .deleteFrom('devices')
    .where('user_id', '=', userId)
    .where('device_id', '=', deviceId)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

export interface Sighting {
  readonly userId: string
  readonly deviceId: string
  readonly ts: number
  readonly ip: string
  readonly userAgent: string | undefined
}

export async function updateLastSeen(tx: Tx, seen: Sighting): Promise<void> {
  await tx.qb
    .updateTable('devices')
    .set({ last_seen_ts: seen.ts, last_seen_ip: seen.ip, last_seen_user_agent: seen.userAgent ?? null })
    .where('user_id', '=', seen.userId)
    .where('device_id', '=', seen.deviceId)
    .execute()
}

/** Device names by user; users that do not exist are absent. */
export async function listDeviceNames(
  reader: Reader,
  userIds: readonly string[],
): Promise<Map<string, Map<string, string | undefined>>> {
  const names = new Map<string, Map<string, string | undefined>>()
  for (let i = 0; i < userIds.length; i += page) {
    const rows = await reader.qb
      .selectFrom('users as u')
      .leftJoin('devices as d', 'd.user_id', 'u.user_id')
      .select(['u.user_id', 'd.device_id', 'd.display_name'])
      .where('u.user_id', 'in', userIds.slice(i, i + page))
      .execute()
    for (const row of rows) {
      const devices = names.get(row.user_id) ?? new Map<string, string | undefined>()
      names.set(row.user_id, devices)
      if (row.device_id !== null) devices.set(row.device_id, row.display_name ?? undefined)
    }
  }
  return names
}
