import { type RawBuilder, sql } from 'kysely'
import type { Tx } from '../../db/database.ts'

/** True for media, as `m`, that administrators have not protected. */
export function notProtected(): RawBuilder<boolean> {
  return sql<boolean>`not exists (select 1 from media_protections as p where p.media_nid = m.media_nid)`
}

export async function insertProtection(tx: Tx, mediaNid: number, by: string, now: number): Promise<void> {
  await tx.qb
    .insertInto('media_protections')
    .values({ media_nid: mediaNid, protected_by: by, protected_ts: now })
    .onConflict((conflict) => conflict.column('media_nid').doNothing())
    .execute()
}

export async function deleteProtections(tx: Tx, numbers: readonly number[]): Promise<void> {
  await tx.qb.deleteFrom('media_protections').where('media_nid', 'in', numbers).execute()
}
