import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

export interface AccountDataRow {
  room_id: string
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

const all = prepare((qb, p: { userId: string }) =>
  qb
    .selectFrom('account_data')
    .select(['room_id', 'type', 'content'])
    .where('user_id', '=', p.userId)
    .where('is_deleted', '=', 0),
)

const changes = prepare((qb, p: { userId: string; after: number; upTo: number }) =>
  qb
    .selectFrom('account_data')
    .select(['room_id', 'type', 'content'])
    .where('user_id', '=', p.userId)
    .where('stream_pos', '>', p.after)
    .where('stream_pos', '<=', p.upTo)
    .orderBy('stream_pos'),
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

export function listAccountDataRows(reader: Reader, userId: string): Promise<AccountDataRow[]> {
  return all.all(reader, { userId })
}

/** What changed after one position up to another, deletions included as empty content. */
export function listAccountDataChanges(
  reader: Reader,
  p: { userId: string; after: number; upTo: number },
): Promise<AccountDataRow[]> {
  return changes.all(reader, p)
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
