import type { Tx } from '../../db/database.ts'

export async function insertKeep(tx: Tx, mediaNid: number, userId: string): Promise<void> {
  await tx.qb
    .insertInto('media_keeps')
    .values({ media_nid: mediaNid, user_id: userId })
    .onConflict((conflict) => conflict.columns(['media_nid', 'user_id']).doNothing())
    .execute()
}

export async function deleteKeep(tx: Tx, mediaNid: number, userId: string): Promise<void> {
  await tx.qb.deleteFrom('media_keeps').where('media_nid', '=', mediaNid).where('user_id', '=', userId).execute()
}

/** Deletes all keeps of a user; returns the media that they were of. */
export async function deleteKeepsOf(tx: Tx, userId: string): Promise<number[]> {
  const rows = await tx.qb.deleteFrom('media_keeps').where('user_id', '=', userId).returning('media_nid').execute()
  return rows.map(({ media_nid: nid }) => nid)
}
