import type { Reader, Tx } from '../db/database.ts'

export async function insertFilter(tx: Tx, userId: string, digest: string, json: string): Promise<number> {
  const known = await tx.qb
    .selectFrom('filters')
    .select('filter_nid')
    .where('user_id', '=', userId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (known) return known.filter_nid
  const row = await tx.qb
    .insertInto('filters')
    .values({ user_id: userId, digest, json })
    .returning('filter_nid')
    .executeTakeFirstOrThrow()
  return row.filter_nid
}

export async function deleteFilters(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('filters').where('user_id', '=', userId).execute()
}

export async function getFilterJson(reader: Reader, userId: string, filterNid: number): Promise<string | undefined> {
  const row = await reader.qb
    .selectFrom('filters')
    .select('json')
    .where('filter_nid', '=', filterNid)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return row?.json
}
