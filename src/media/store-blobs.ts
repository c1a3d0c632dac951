import { sql } from 'kysely'
import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { BlobState } from '../db/schema/media.ts'
import { deleteThumbnailAccesses } from './accesses/store-accesses.ts'
import { deleteMediaFacts } from './inspection/store-facts.ts'

/** Bytes that are stored, or about to be. */
export interface Blob {
  readonly nid: number
  readonly key: string
  readonly sha256: string
  readonly size: number
  readonly detectedType: string | null
}

export type NewBlob = Omit<Blob, 'nid'> & { readonly createdTs: number }

const byContent = prepare((qb, p: { sha256: string }) =>
  qb
    .selectFrom('media_blobs')
    .select(['blob_nid as nid', 'storage_key as key', 'sha256', 'size', 'detected_type as detectedType'])
    .where('sha256', '=', p.sha256)
    .where('state', '=', 'stored'),
)

/** The stored blob with this content. */
export const getStoredBlob = (reader: Reader, sha256: string): Promise<Blob | undefined> =>
  byContent.first(reader, { sha256 })

const byNumber = prepare((qb, p: { nid: number }) =>
  qb
    .selectFrom('media_blobs')
    .select(['blob_nid as nid', 'storage_key as key', 'sha256', 'size', 'detected_type as detectedType'])
    .where('blob_nid', '=', p.nid)
    .where('state', '=', 'stored'),
)

/** A stored blob by its number. */
export const getBlob = (reader: Reader, nid: number): Promise<Blob | undefined> => byNumber.first(reader, { nid })

/** Adds a blob whose bytes are about to be written; returns its number. */
export async function insertBlob(tx: Tx, blob: NewBlob): Promise<number> {
  const { nid } = await tx.qb
    .insertInto('media_blobs')
    .values({
      sha256: blob.sha256,
      storage_key: blob.key,
      size: blob.size,
      state: 'storing',
      detected_type: blob.detectedType,
      created_ts: blob.createdTs,
    })
    .returning('blob_nid as nid')
    .executeTakeFirstOrThrow()
  return nid
}

const settle = prepare((qb, p: { nid: number; from: BlobState; to: BlobState }) =>
  qb.updateTable('media_blobs').set({ state: p.to }).where('blob_nid', '=', p.nid).where('state', '=', p.from),
)

/** False where the blob is not in the state `from`. */
export async function moveBlob(tx: Tx, nid: number, from: BlobState, to: BlobState): Promise<boolean> {
  return (await settle.run(tx, { nid, from, to })).changes > 0
}

export async function getBlobState(reader: Reader, nid: number): Promise<BlobState | undefined> {
  const row = await reader.qb.selectFrom('media_blobs').select('state').where('blob_nid', '=', nid).executeTakeFirst()
  return row?.state
}

/** Dooms those of some stored blobs that nothing points to any more; returns their numbers. */
export async function doomUnusedBlobs(tx: Tx, numbers: readonly number[]): Promise<number[]> {
  if (numbers.length === 0) return []
  const rows = await tx.qb
    .updateTable('media_blobs')
    .set({ state: 'doomed' })
    .where('blob_nid', 'in', numbers)
    .where('state', '=', 'stored')
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('media').select('media_nid').whereRef('media.blob_nid', '=', 'media_blobs.blob_nid'))),
    )
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('media_thumbnails as t')
            .select('t.source_nid')
            .whereRef('t.blob_nid', '=', 'media_blobs.blob_nid'),
        ),
      ),
    )
    .returning('blob_nid as nid')
    .execute()
  return rows.map(({ nid }) => nid)
}

/** Forgets what was made of blobs; returns the numbers of the blobs that it was kept in. */
export async function takeDerived(tx: Tx, sources: readonly number[]): Promise<number[]> {
  if (sources.length === 0) return []
  const rows = await tx.qb
    .deleteFrom('media_thumbnails')
    .where('source_nid', 'in', sources)
    .returning('blob_nid as nid')
    .execute()
  return rows.flatMap(({ nid }) => nid ?? [])
}

/** Written out, as in the index of the few blobs that are not in rest; without it all others are read, too. */
const isUnsettled = sql<boolean>`state <> 'stored'`

/** Blobs whose bytes must go. With `numbers`, those among them. */
export function listDoomedBlobs(
  reader: Reader,
  { limit, numbers }: { limit: number; numbers?: readonly number[] | undefined },
): Promise<{ nid: number; key: string }[]> {
  return reader.qb
    .selectFrom('media_blobs')
    .select(['blob_nid as nid', 'storage_key as key'])
    .where('state', '=', 'doomed')
    .where(isUnsettled)
    .$if(numbers !== undefined, (query) => query.where('blob_nid', 'in', numbers ?? []))
    .orderBy('blob_nid')
    .limit(limit)
    .execute()
}

/** Dooms blobs that somebody began to store before `before`, and has not finished. */
export async function doomUnfinishedBlobs(tx: Tx, before: number): Promise<void> {
  await tx.qb
    .updateTable('media_blobs')
    .set({ state: 'doomed' })
    .where('state', '=', 'storing')
    .where(isUnsettled)
    .where('created_ts', '<', before)
    .execute()
}

export async function deleteBlobs(tx: Tx, numbers: readonly number[]): Promise<void> {
  if (numbers.length === 0) return
  await tx.qb.deleteFrom('media_blobs').where('blob_nid', 'in', numbers).where('state', '=', 'doomed').execute()
  await deleteThumbnailAccesses(tx, numbers)
  await deleteMediaFacts(tx, numbers)
}

export async function hasBlobs(reader: Reader): Promise<boolean> {
  return (await reader.qb.selectFrom('media_blobs').select('blob_nid').limit(1).executeTakeFirst()) !== undefined
}

/** The states of those keys that the database knows. */
export async function listKnownKeys(reader: Reader, keys: readonly string[]): Promise<Map<string, BlobState>> {
  const rows = await reader.qb
    .selectFrom('media_blobs')
    .select(['storage_key', 'state'])
    .where('storage_key', 'in', keys)
    .execute()
  return new Map(rows.map((row) => [row.storage_key, row.state]))
}

/** Stored blobs in the order of their numbers. */
export function listStoredBlobs(reader: Reader, { after, limit }: { after: number; limit: number }): Promise<Blob[]> {
  return reader.qb
    .selectFrom('media_blobs')
    .select(['blob_nid as nid', 'storage_key as key', 'sha256', 'size', 'detected_type as detectedType'])
    .where('state', '=', 'stored')
    .where('blob_nid', '>', after)
    .orderBy('blob_nid')
    .limit(limit)
    .execute()
}

export async function countStoredBlobs(reader: Reader): Promise<number> {
  const { count } = await reader.qb
    .selectFrom('media_blobs')
    .select((e) => e.fn.countAll<number | string>().as('count'))
    .where('state', '=', 'stored')
    .executeTakeFirstOrThrow()
  return Number(count)
}
