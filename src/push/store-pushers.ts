import { type Selectable, sql } from 'kysely'
import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { PushSchema } from '../db/schema/push.ts'

export type PusherRow = Selectable<PushSchema['pushers']>

/** What names a pusher. */
export interface PusherKey {
  readonly userId: string
  readonly appId: string
  readonly pushkey: string
}

const one = prepare((qb, p: PusherKey) =>
  qb
    .selectFrom('pushers')
    .selectAll()
    .where('user_id', '=', p.userId)
    .where('app_id', '=', p.appId)
    .where('pushkey', '=', p.pushkey),
)

export const getPusherRow = (reader: Reader, key: PusherKey): Promise<PusherRow | undefined> => one.first(reader, key)

export function listPusherRows(reader: Reader, userId: string): Promise<PusherRow[]> {
  return reader.qb.selectFrom('pushers').selectAll().where('user_id', '=', userId).orderBy('created_ts').execute()
}

export async function putPusherRow(tx: Tx, row: PusherRow): Promise<void> {
  const { user_id: userId, app_id: _app, pushkey: _key, created_ts: _created, ...values } = row
  await tx.qb
    .insertInto('pushers')
    .values(row)
    .onConflict((c) => c.columns(['user_id', 'app_id', 'pushkey']).doUpdateSet(values))
    .execute()
  await flagMembers(tx, userId)
}

export async function deletePusherRow(tx: Tx, { userId, appId, pushkey }: PusherKey): Promise<void> {
  await tx.qb
    .deleteFrom('pushers')
    .where('user_id', '=', userId)
    .where('app_id', '=', appId)
    .where('pushkey', '=', pushkey)
    .execute()
  await flagMembers(tx, userId)
}

/** Takes this key of an application away from all other users. */
export async function deletePushersOfOthers(tx: Tx, { userId, appId, pushkey }: PusherKey): Promise<void> {
  const others = await tx.qb
    .deleteFrom('pushers')
    .where('user_id', '<>', userId)
    .where('app_id', '=', appId)
    .where('pushkey', '=', pushkey)
    .returning('user_id')
    .execute()
  for (const other of others) await flagMembers(tx, other.user_id)
}

export async function deletePushersOfDevice(tx: Tx, userId: string, deviceId: string): Promise<void> {
  await tx.qb.deleteFrom('pushers').where('user_id', '=', userId).where('device_id', '=', deviceId).execute()
  await flagMembers(tx, userId)
}

export async function deletePushersOf(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('pushers').where('user_id', '=', userId).execute()
  await flagMembers(tx, userId)
}

/** Keeps the mark by which a room's members with pushers are found; it touches rows only where it changes. */
async function flagMembers(tx: Tx, userId: string): Promise<void> {
  const row = await tx.qb
    .selectFrom('pushers')
    .select('app_id')
    .where('user_id', '=', userId)
    .where('enabled', '=', 1)
    .limit(1)
    .executeTakeFirst()
  const flag = row === undefined ? 0 : 1
  await tx.qb
    .updateTable('push_members')
    .set({ has_pusher: flag })
    .where('user_id', '=', userId)
    .where('has_pusher', '<>', flag)
    .execute()
}

const flagOne = prepare((qb, p: { roomNid: number; userId: string }) =>
  qb
    .updateTable('push_members')
    .set({ has_pusher: 1 })
    .where('room_nid', '=', p.roomNid)
    .where('user_id', '=', p.userId)
    .where(sql<boolean>`exists (select 1 from pushers p where p.user_id = push_members.user_id and p.enabled = 1)`),
)

/** The same for somebody who has come into a room. */
export async function flagMember(tx: Tx, roomNid: number, userId: string): Promise<void> {
  await flagOne.run(tx, { roomNid, userId })
}
