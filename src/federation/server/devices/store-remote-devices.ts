import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../../../db/database.ts'
import type { FederationSenderSchema } from '../../../db/schema/federation-sender.ts'

export type RemoteListRow = Selectable<FederationSenderSchema['remote_device_lists']>
export type RemoteDeviceRow = Selectable<FederationSenderSchema['remote_devices']>

export function getRemoteList(reader: Reader, userId: string): Promise<RemoteListRow | undefined> {
  return reader.qb.selectFrom('remote_device_lists').selectAll().where('user_id', '=', userId).executeTakeFirst()
}

export async function insertRemoteList(tx: Tx, row: RemoteListRow): Promise<void> {
  await tx.qb
    .insertInto('remote_device_lists')
    .values(row)
    .onConflict((c) => c.doNothing())
    .execute()
}

export async function updateRemoteList(
  tx: Tx,
  userId: string,
  patch: Partial<Omit<RemoteListRow, 'user_id'>>,
): Promise<void> {
  await tx.qb.updateTable('remote_device_lists').set(patch).where('user_id', '=', userId).execute()
}

/** All lists of a server that have to be fetched wait for the same time. */
export async function postponeLists(tx: Tx, server: string, retryTs: number): Promise<void> {
  await tx.qb
    .updateTable('remote_device_lists')
    .set({ retry_ts: retryTs })
    .where('is_current', '=', 0)
    .where('server', '=', server)
    .execute()
}

/** Lists of a server that have to be fetched, those that are due first. */
export function listStaleLists(reader: Reader, server: string, limit: number): Promise<RemoteListRow[]> {
  return reader.qb
    .selectFrom('remote_device_lists')
    .selectAll()
    .where('is_current', '=', 0)
    .where('server', '=', server)
    .orderBy('retry_ts')
    .orderBy('user_id')
    .limit(limit)
    .execute()
}

export async function listServersOfStaleLists(reader: Reader): Promise<string[]> {
  const rows = await reader.qb
    .selectFrom('remote_device_lists')
    .select('server')
    .distinct()
    .where('is_current', '=', 0)
    .execute()
  return rows.map((row) => row.server)
}

export function listRemoteDevices(reader: Reader, userId: string): Promise<RemoteDeviceRow[]> {
  return reader.qb.selectFrom('remote_devices').selectAll().where('user_id', '=', userId).execute()
}

export async function upsertRemoteDevice(tx: Tx, row: RemoteDeviceRow): Promise<void> {
  await tx.qb
    .insertInto('remote_devices')
    .values(row)
    .onConflict((c) =>
      c.columns(['user_id', 'device_id']).doUpdateSet({ display_name: row.display_name, json: row.json }),
    )
    .execute()
}

export async function deleteRemoteDevice(tx: Tx, userId: string, deviceId: string): Promise<void> {
  await tx.qb.deleteFrom('remote_devices').where('user_id', '=', userId).where('device_id', '=', deviceId).execute()
}

/** Forgets a user's list. */
export async function deleteRemoteList(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('remote_device_lists').where('user_id', '=', userId).execute()
  await tx.qb.deleteFrom('remote_devices').where('user_id', '=', userId).execute()
}

/** The users in a room, or once there, whose lists are kept. */
export async function listKeptInRoom(reader: Reader, roomNid: number): Promise<string[]> {
  const rows = await reader.qb
    .selectFrom('memberships as m')
    .innerJoin('remote_device_lists as l', 'l.user_id', 'm.user_id')
    .select('m.user_id')
    .where('m.room_nid', '=', roomNid)
    .execute()
  return rows.map((row) => row.user_id)
}
