import type { Reader, Tx } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'

export interface Threepid {
  readonly medium: string
  /** In its canonical form. */
  readonly address: string
  readonly validatedTs: number
  readonly addedTs: number
}

export async function listThreepids(reader: Reader, userId: string): Promise<Threepid[]> {
  const rows = await reader.qb
    .selectFrom('threepids')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('added_ts')
    .orderBy('address')
    .execute()
  return rows.map((row) => ({
    medium: row.medium,
    address: row.address,
    validatedTs: row.validated_ts,
    addedTs: row.added_ts,
  }))
}

export async function getThreepidOwner(reader: Reader, medium: string, address: string): Promise<UserId | undefined> {
  const row = await reader.qb
    .selectFrom('threepids')
    .select('user_id')
    .where('medium', '=', medium)
    .where('address', '=', address)
    .executeTakeFirst()
  // Only ids of accounts are inserted.
  return row?.user_id as UserId | undefined
}

/** False where the address belongs to somebody already. */
export async function insertThreepid(tx: Tx, userId: string, threepid: Threepid): Promise<boolean> {
  const result = await tx.qb
    .insertInto('threepids')
    .values({
      medium: threepid.medium,
      address: threepid.address,
      user_id: userId,
      validated_ts: threepid.validatedTs,
      added_ts: threepid.addedTs,
    })
    .onConflict((c) => c.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** False where the user has no such address. */
export async function deleteThreepid(tx: Tx, userId: string, medium: string, address: string): Promise<boolean> {
  const result = await tx.qb
    .deleteFrom('threepids')
    .where('medium', '=', medium)
    .where('address', '=', address)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

export async function deleteThreepids(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('threepids').where('user_id', '=', userId).execute()
}
