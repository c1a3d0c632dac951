import { sql } from 'kysely'
import type { Reader, Tx } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { MediaRef } from '../../matrix/mxc.ts'

export interface ModeratedMedia {
  readonly nid: number
  readonly sha256: string
  readonly isQuarantined: boolean
  readonly isProtected: boolean
}

/** Media with content; undefined where there is none here. */
export async function getModerated(reader: Reader, { origin, mediaId }: MediaRef): Promise<ModeratedMedia | undefined> {
  const row = await reader.qb
    .selectFrom('media as m')
    .innerJoin('media_blobs as b', 'b.blob_nid', 'm.blob_nid')
    .leftJoin('media_quarantines as q', 'q.sha256', 'b.sha256')
    .leftJoin('media_protections as p', 'p.media_nid', 'm.media_nid')
    .select(['m.media_nid as nid', 'b.sha256', 'q.quarantined_ts as quarantined', 'p.protected_ts as protected'])
    .where('m.origin', '=', origin)
    .where('m.media_id', '=', mediaId)
    .executeTakeFirst()
  if (!row) return undefined
  return {
    nid: row.nid,
    sha256: row.sha256,
    isQuarantined: row.quarantined !== null,
    isProtected: row.protected !== null,
  }
}

export async function insertQuarantine(tx: Tx, sha256: string, by: UserId, now: number): Promise<void> {
  await tx.qb
    .insertInto('media_quarantines')
    .values({ sha256, quarantined_by: by, quarantined_ts: now })
    .onConflict((conflict) => conflict.column('sha256').doNothing())
    .execute()
}

/** Notes for how long media that is followed was in quarantine, as holds that have ended. */
export async function insertEndedHolds(tx: Tx, sha256: string, by: UserId, now: number): Promise<void> {
  await tx.qb
    .insertInto('media_holds')
    .columns(['kind', 'media_nid', 'created_by', 'created_ts', 'released_by', 'released_ts'])
    .expression((eb) =>
      eb
        .selectFrom('media_quarantines as q')
        .innerJoin('media_blobs as b', 'b.sha256', 'q.sha256')
        .innerJoin('media as m', 'm.blob_nid', 'b.blob_nid')
        .innerJoin('media_deliveries as d', 'd.media_nid', 'm.media_nid')
        .select([sql.val<string>('quarantine').as('kind'), 'm.media_nid', 'q.quarantined_by', 'q.quarantined_ts'])
        .select([sql.val<string>(by).as('released_by'), sql.val<number>(now).as('released_ts')])
        .where('q.sha256', '=', sha256)
        // As the index says it.
        .where('b.state', '=', sql.lit('stored')),
    )
    .execute()
}

export async function deleteQuarantine(tx: Tx, sha256: string): Promise<void> {
  await tx.qb.deleteFrom('media_quarantines').where('sha256', '=', sha256).execute()
}

export async function insertChange(
  tx: Tx,
  { origin, mediaId }: MediaRef,
  { isQuarantined, by, now }: { isQuarantined: boolean; by: UserId; now: number },
): Promise<void> {
  await tx.qb
    .insertInto('media_quarantine_changes')
    .values({
      origin,
      media_id: mediaId,
      is_quarantined: isQuarantined ? 1 : 0,
      changed_by: by,
      changed_ts: now,
    })
    .execute()
}

/** Changes after a number, the oldest first. */
export function listChanges(reader: Reader, after: number, limit: number) {
  return reader.qb
    .selectFrom('media_quarantine_changes')
    .select(['change_nid', 'origin', 'media_id', 'is_quarantined'])
    .where('change_nid', '>', after)
    .orderBy('change_nid')
    .limit(limit)
    .execute()
}

/** A page of what a user has uploaded and is still here, in the order of its numbers. */
export function listUploads(reader: Reader, uploader: UserId, after: number, limit: number) {
  return reader.qb
    .selectFrom('media')
    .select(['media_nid as nid', 'origin', 'media_id as mediaId'])
    .where('uploader', '=', uploader)
    .where('state', '=', sql.lit('live'))
    .where('media_nid', '>', after)
    .orderBy('media_nid')
    .limit(limit)
    .execute()
}
