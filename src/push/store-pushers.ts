import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../db/database.ts'
import type { PushSchema } from '../db/schema/push.ts'

export type PusherRow = Selectable<PushSchema['pushers']>

export function listPusherRows(reader: Reader, userId: string): Promise<PusherRow[]> {
  return reader.qb.selectFrom('pushers').selectAll().where('user_id', '=', userId).orderBy('created_ts').execute()
}

export async function putPusherRow(tx: Tx, row: PusherRow): Promise<void> {
  const { user_id: _user, app_id: _app, pushkey: _key, created_ts: _created, ...values } = row
  await tx.qb
    .insertInto('pushers')
    .values(row)
    .onConflict((c) => c.columns(['user_id', 'app_id', 'pushkey']).doUpdateSet(values))
    .execute()
}

export async function deletePusherRow(tx: Tx, userId: string, appId: string, pushkey: string): Promise<void> {
  await tx.qb
    .deleteFrom('pushers')
    .where('user_id', '=', userId)
    .where('app_id', '=', appId)
    .where('pushkey', '=', pushkey)
    .execute()
}

export async function deletePushersOfOthers(tx: Tx, userId: string, appId: string, pushkey: string): Promise<void> {
  await tx.qb
    .deleteFrom('pushers')
    .where('user_id', '<>', userId)
    .where('app_id', '=', appId)
    .where('pushkey', '=', pushkey)
    .execute()
}

export async function deletePushersOfDevice(tx: Tx, userId: string, deviceId: string): Promise<void> {
  await tx.qb.deleteFrom('pushers').where('user_id', '=', userId).where('device_id', '=', deviceId).execute()
}

export async function deletePushersOf(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('pushers').where('user_id', '=', userId).execute()
}
