import type { Tx } from '../../db/database.ts'
import { listServersWith } from './store-recipients.ts'

/** One server that has a copy of media that is gone. */
export interface MediaRedaction {
  readonly server: string
  readonly mediaId: string
}

/** Notes the servers that have copies of media that goes. */
export async function insertRedactions(tx: Tx, numbers: readonly number[]): Promise<void> {
  const holders = await listServersWith(tx, numbers)
  if (holders.length === 0) return
  const rows = await tx.qb
    .selectFrom('media')
    .select(['media_nid', 'media_id'])
    .where('media_nid', 'in', numbers)
    .execute()
  const ids = new Map(rows.map((row) => [row.media_nid, row.media_id]))
  for (const { mediaNid, server } of holders) {
    const mediaId = ids.get(mediaNid)
    if (mediaId === undefined) continue
    await tx.qb
      .insertInto('media_redactions')
      .values({ server, media_id: mediaId })
      .onConflict((conflict) => conflict.columns(['server', 'media_id']).doNothing())
      .execute()
  }
}

/** Takes some of what servers have not been told out of the table. */
export async function takeRedactions(tx: Tx, limit: number): Promise<MediaRedaction[]> {
  const rows = await tx.qb.selectFrom('media_redactions').selectAll().orderBy('server').limit(limit).execute()
  for (const [server, ofServer] of Map.groupBy(rows, (row) => row.server)) {
    const ids = ofServer.map((row) => row.media_id)
    await tx.qb.deleteFrom('media_redactions').where('server', '=', server).where('media_id', 'in', ids).execute()
  }
  return rows.map((row) => ({ server: row.server, mediaId: row.media_id }))
}

export async function hasRedactions(tx: Tx): Promise<boolean> {
  return (await tx.qb.selectFrom('media_redactions').select('server').limit(1).executeTakeFirst()) !== undefined
}
