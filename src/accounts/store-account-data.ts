import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

export interface AccountDataRow {
  type: string
  content: string
}

const one = prepare((qb, p: { userId: string; roomId: string; type: string }) =>
  qb
    .selectFrom('account_data')
    .select(['content', 'is_deleted'])
    .where('user_id', '=', p.userId)
    .where('room_id', '=', p.roomId)
    .where('type', '=', p.type),
)

const all = prepare((qb, p: { userId: string; roomId: string }) =>
  qb
    .selectFrom('account_data')
    .select(['type', 'content'])
    .where('user_id', '=', p.userId)
    .where('room_id', '=', p.roomId)
    .where('is_deleted', '=', 0),
)

const changed = prepare((qb, p: { userId: string; roomId: string; since: number }) =>
  qb
    .selectFrom('account_data')
    .select(['type', 'content'])
    .where('user_id', '=', p.userId)
    .where('stream_pos', '>', p.since)
    .where('room_id', '=', p.roomId)
    .orderBy('stream_pos'),
)

const changedRooms = prepare((qb, p: { userId: string; since: number }) =>
  qb
    .selectFrom('account_data')
    .select('room_id')
    .distinct()
    .where('user_id', '=', p.userId)
    .where('stream_pos', '>', p.since)
    .where('room_id', '!=', ''),
)

const ofType = prepare((qb, p: { userId: string; type: string }) =>
  qb
    .selectFrom('account_data')
    .select(['room_id', 'content'])
    .where('user_id', '=', p.userId)
    .where('type', '=', p.type)
    .where('room_id', '!=', '')
    .where('is_deleted', '=', 0),
)

const lastPos = prepare((qb, p: { userId: string }) =>
  qb
    .selectFrom('account_data')
    .select('stream_pos')
    .where('user_id', '=', p.userId)
    .orderBy('stream_pos', 'desc')
    .limit(1),
)

export async function getAccountDataRow(
  reader: Reader,
  userId: string,
  roomId: string,
  type: string,
): Promise<string | undefined> {
  const row = await one.first(reader, { userId, roomId, type })
  return row?.is_deleted === 0 ? row.content : undefined
}

/** What is set, or, with `since`, what changed after it, deletions included as empty content. */
export function listAccountDataRows(
  reader: Reader,
  userId: string,
  roomId: string,
  since: number | undefined,
): Promise<AccountDataRow[]> {
  return since === undefined ? all.all(reader, { userId, roomId }) : changed.all(reader, { userId, roomId, since })
}

export async function listChangedAccountDataRooms(reader: Reader, userId: string, since: number): Promise<string[]> {
  return (await changedRooms.all(reader, { userId, since })).map((row) => row.room_id)
}

/** What is set under one type for the user's rooms. */
export const listAccountDataOfType = (reader: Reader, userId: string, type: string) =>
  ofType.all(reader, { userId, type })

export async function getLastAccountDataPos(reader: Reader, userId: string): Promise<number> {
  return (await lastPos.first(reader, { userId }))?.stream_pos ?? 0
}

export interface NewAccountDataRow {
  readonly userId: string
  readonly roomId: string
  readonly type: string
  readonly content: string
  readonly isDeleted: boolean
  readonly position: number
}

export async function putAccountDataRow(tx: Tx, row: NewAccountDataRow): Promise<void> {
  const values = { content: row.content, is_deleted: row.isDeleted ? 1 : 0, stream_pos: row.position }
  await tx.qb
    .insertInto('account_data')
    .values({ user_id: row.userId, room_id: row.roomId, type: row.type, ...values })
    .onConflict((c) => c.columns(['user_id', 'room_id', 'type']).doUpdateSet(values))
    .execute()
}

export async function deleteAccountData(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('account_data').where('user_id', '=', userId).execute()
}
