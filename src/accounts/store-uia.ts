import type { Reader, Tx } from '../db/database.ts'

export async function getUia(reader: Reader, id: string): Promise<string | undefined> {
  const row = await reader.qb.selectFrom('uia_sessions').select('data').where('uia_id', '=', id).executeTakeFirst()
  return row?.data
}

/** Inserts a session and removes those that have expired. */
export async function insertUia(
  tx: Tx,
  session: { id: string; expiresTs: number; data: string },
  now: number,
): Promise<void> {
  await tx.qb.deleteFrom('uia_sessions').where('expires_ts', '<=', now).execute()
  await tx.qb
    .insertInto('uia_sessions')
    .values({ uia_id: session.id, expires_ts: session.expiresTs, data: session.data })
    .execute()
}

export async function updateUia(tx: Tx, id: string, data: string): Promise<void> {
  await tx.qb.updateTable('uia_sessions').set({ data }).where('uia_id', '=', id).execute()
}

/** True for the one who deleted it. */
export async function deleteUia(tx: Tx, id: string): Promise<boolean> {
  const result = await tx.qb.deleteFrom('uia_sessions').where('uia_id', '=', id).executeTakeFirst()
  return result.numDeletedRows > 0n
}
