import { type RawBuilder, sql } from 'kysely'
import type { Tx } from '../db/database.ts'

export type HoldKind = 'legal' | 'quarantine' | 'report'

/** True for media, as `m`, that nothing keeps from being deleted. */
export function notHeld(now: number): RawBuilder<boolean> {
  return sql<boolean>`not exists (select 1 from media_holds as h
    where h.media_nid = m.media_nid and (h.expires_ts is null or h.expires_ts > ${now}))`
}

/** Keeps media from being deleted until `expiresTs`, or until the hold is lifted. */
export async function insertHold(
  tx: Tx,
  hold: { mediaNid: number; kind: HoldKind; note?: string; createdTs: number; expiresTs?: number },
): Promise<void> {
  await tx.qb
    .insertInto('media_holds')
    .values({
      media_nid: hold.mediaNid,
      kind: hold.kind,
      note: hold.note ?? null,
      created_ts: hold.createdTs,
      expires_ts: hold.expiresTs ?? null,
    })
    .execute()
}

export async function deleteHolds(tx: Tx, mediaNid: number, kind: HoldKind): Promise<void> {
  await tx.qb.deleteFrom('media_holds').where('media_nid', '=', mediaNid).where('kind', '=', kind).execute()
}
