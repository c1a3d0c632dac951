import { sql } from 'kysely'
import type { Reader, Tx } from '../../db/database.ts'
import type { MediaKind } from '../../db/schema/media-admin.ts'
import type { UserId } from '../../matrix/ids.ts'

/** Why media goes. */
export interface DeletionCause {
  /** One of few fixed texts: deletions are counted by it. */
  readonly reason: string
  readonly now: number
  /** The administrator who asked for it; without one the server acts by its rules. */
  readonly by?: UserId | undefined
}

/** Writes down media that is about to be deleted, as far as it has content. */
export async function logDeletions(tx: Tx, numbers: readonly number[], cause: DeletionCause): Promise<void> {
  const { reason, now, by } = cause
  const kind = sql<MediaKind>`coalesce(a.kind, 'local')`
  const going = tx.qb
    .selectFrom('media as m')
    .innerJoin('media_blobs as b', 'b.blob_nid', 'm.blob_nid')
    .leftJoin('media_accesses as a', 'a.media_nid', 'm.media_nid')
    .where('m.media_nid', 'in', numbers)
  await tx.qb
    .insertInto('media_deletions')
    .columns([
      'deleted_ts',
      'reason',
      'requested_by',
      'origin',
      'media_id',
      'kind',
      'uploader',
      'content_type',
      'size',
      'sha256',
      'created_ts',
    ])
    .expression(
      going
        .select([
          sql<number>`cast(${now} as bigint)`.as('deleted_ts'),
          sql<string>`cast(${reason} as text)`.as('reason'),
          sql<string | null>`cast(${by ?? null} as text)`.as('requested_by'),
          'm.origin',
          'm.media_id',
          kind.as('kind'),
          'm.uploader',
          'm.content_type',
          'm.size',
          'b.sha256',
          'm.created_ts',
        ])
        .orderBy('m.media_nid'),
    )
    .execute()
  const sums = await going
    .select(({ fn }) => [kind.as('kind'), fn.countAll<number>().as('files'), fn.sum<number>('m.size').as('bytes')])
    .groupBy(kind)
    .execute()
  for (const sum of sums) await countDeletions(tx, { ...sum, bytes: Number(sum.bytes), reason })
}

/** Adds to the totals of what has been deleted. */
export async function countDeletions(
  tx: Tx,
  { kind, reason, files, bytes }: { kind: MediaKind | 'thumbnail'; reason: string; files: number; bytes: number },
): Promise<void> {
  await tx.qb
    .insertInto('media_deletion_totals')
    .values({ kind, reason, files, bytes })
    .onConflict((conflict) =>
      conflict.columns(['kind', 'reason']).doUpdateSet({
        files: sql`media_deletion_totals.files + ${files}`,
        bytes: sql`media_deletion_totals.bytes + ${bytes}`,
      }),
    )
    .execute()
}

export interface DeletionFilter {
  readonly uploader?: string | undefined
  readonly kind?: MediaKind | undefined
  readonly reason?: string | undefined
  readonly sha256?: string | undefined
  /** Only entries before this number. */
  readonly before?: number | undefined
}

/** Entries of the log, the newest first. */
export function listDeletions(reader: Reader, filter: DeletionFilter, limit: number) {
  const { uploader, kind, reason, sha256, before } = filter
  let query = reader.qb.selectFrom('media_deletions').selectAll()
  if (uploader !== undefined) query = query.where('uploader', '=', uploader)
  if (kind !== undefined) query = query.where('kind', '=', kind)
  if (reason !== undefined) query = query.where('reason', '=', reason)
  if (sha256 !== undefined) query = query.where('sha256', '=', sha256)
  if (before !== undefined) query = query.where('deletion_nid', '<', before)
  return query.orderBy('deletion_nid', 'desc').limit(limit).execute()
}

export type DeletionEntry = Awaited<ReturnType<typeof listDeletions>>[number]

export function listDeletionTotals(reader: Reader) {
  return reader.qb.selectFrom('media_deletion_totals').selectAll().orderBy('kind').orderBy('reason').execute()
}

/** Forgets entries from before `before`; returns how many. */
export async function deleteOldEntries(tx: Tx, before: number, limit: number): Promise<number> {
  const { numDeletedRows } = await tx.qb
    .deleteFrom('media_deletions')
    .where('deletion_nid', 'in', (qb) =>
      qb
        .selectFrom('media_deletions')
        .select('deletion_nid')
        .where('deleted_ts', '<', before)
        .orderBy('deleted_ts')
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
