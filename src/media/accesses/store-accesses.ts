import { sql } from 'kysely'
import type { Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { MediaKind } from '../../db/schema/media-admin.ts'

const insert = prepare((qb, p: { nid: number; kind: MediaKind; createdTs: number }) =>
  qb
    .insertInto('media_accesses')
    .values({ media_nid: p.nid, kind: p.kind, created_ts: p.createdTs, used_ts: p.createdTs })
    .onConflict((conflict) => conflict.column('media_nid').doNothing()),
)

/** Media has its content now. */
export async function insertAccess(tx: Tx, nid: number, kind: MediaKind, createdTs: number): Promise<void> {
  await insert.run(tx, { nid, kind, createdTs })
}

const moveMedia = prepare((qb, p: { nid: number; ts: number }) =>
  qb.updateTable('media_accesses').set({ used_ts: p.ts }).where('media_nid', '=', p.nid).where('used_ts', '<', p.ts),
)

export async function setMediaUsed(tx: Tx, nid: number, ts: number): Promise<void> {
  await moveMedia.run(tx, { nid, ts })
}

const moveThumbnail = prepare((qb, p: { nid: number; ts: number }) =>
  qb.updateTable('thumbnail_accesses').set({ used_ts: p.ts }).where('blob_nid', '=', p.nid).where('used_ts', '<', p.ts),
)

export async function setThumbnailUsed(tx: Tx, nid: number, ts: number): Promise<void> {
  await moveThumbnail.run(tx, { nid, ts })
}

const insertThumbnail = prepare((qb, p: { nid: number }) =>
  qb
    .insertInto('thumbnail_accesses')
    .columns(['blob_nid', 'created_ts', 'used_ts'])
    .expression((eb) =>
      eb
        .selectFrom('media_blobs')
        .select(['blob_nid', 'created_ts', sql.ref<number>('created_ts').as('used_ts')])
        .where('blob_nid', '=', p.nid),
    )
    .onConflict((conflict) => conflict.column('blob_nid').doNothing()),
)

/** A blob is a thumbnail now. */
export async function insertThumbnailAccess(tx: Tx, blobNid: number): Promise<void> {
  await insertThumbnail.run(tx, { nid: blobNid })
}

export async function deleteAccesses(tx: Tx, numbers: readonly number[]): Promise<void> {
  if (numbers.length > 0) await tx.qb.deleteFrom('media_accesses').where('media_nid', 'in', numbers).execute()
}

export async function deleteThumbnailAccesses(tx: Tx, blobNumbers: readonly number[]): Promise<void> {
  if (blobNumbers.length === 0) return
  await tx.qb.deleteFrom('thumbnail_accesses').where('blob_nid', 'in', blobNumbers).execute()
}
