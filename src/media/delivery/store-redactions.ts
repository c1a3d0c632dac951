import type { Tx } from '../../db/database.ts'
import type { DueReason } from './due.ts'
import { listServersWith } from './store-recipients.ts'

/** One server that has a copy of media that is gone. */
export interface MediaRedaction {
  readonly server: string
  readonly mediaId: string
}

/** How long others keep a copy of what is deleted soon, in ms: MSC4425 asks for a day at most. */
export const ephemeralLifetime = 24 * 60 * 60 * 1000

/**
 * Notes the servers that have copies of media that goes. Where it goes because it was delivered, those it was for may keep
 * them as long as they were told: only one of their users has it for certain, and ours is gone.
 */
export async function insertRedactions(
  tx: Tx,
  numbers: readonly number[],
  { reason, now }: { reason: string; now: number },
): Promise<void> {
  const holders = await listServersWith(tx, numbers)
  if (holders.length === 0) return
  const isDelivered = reason === ('delivered' satisfies DueReason)
  const rows = await tx.qb
    .selectFrom('media')
    .select(['media_nid', 'media_id'])
    .where('media_nid', 'in', numbers)
    .execute()
  const ids = new Map(rows.map((row) => [row.media_nid, row.media_id]))
  for (const { mediaNid, server, isRecipient } of holders) {
    const mediaId = ids.get(mediaNid)
    if (mediaId === undefined) continue
    await tx.qb
      .insertInto('media_redactions')
      .values({ server, media_id: mediaId, tell_ts: isDelivered && isRecipient ? now + ephemeralLifetime : now })
      .onConflict((conflict) => conflict.columns(['server', 'media_id']).doNothing())
      .execute()
  }
}

/** Takes some of what servers are to be told by now out of the table. */
export async function takeRedactions(tx: Tx, limit: number, now: number): Promise<MediaRedaction[]> {
  const due = tx.qb.selectFrom('media_redactions').selectAll().where('tell_ts', '<=', now)
  const rows = await due.orderBy('tell_ts').limit(limit).execute()
  for (const [server, ofServer] of Map.groupBy(rows, (row) => row.server)) {
    const ids = ofServer.map((row) => row.media_id)
    await tx.qb.deleteFrom('media_redactions').where('server', '=', server).where('media_id', 'in', ids).execute()
  }
  return rows.map((row) => ({ server: row.server, mediaId: row.media_id }))
}

export async function hasRedactions(tx: Tx, now: number): Promise<boolean> {
  const due = tx.qb.selectFrom('media_redactions').select('server').where('tell_ts', '<=', now)
  return (await due.limit(1).executeTakeFirst()) !== undefined
}
