import type { Reader } from '../../db/database.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { MediaRef } from '../../matrix/mxc.ts'
import { notProtected } from '../moderation/store-protections.ts'
import type { RemovedMedia } from '../remove-media.ts'
import { notHeld } from '../store-holds.ts'

export interface DueMedia extends RemovedMedia {
  readonly reason: string
}

/** Media that is due, and neither pinned nor held, the oldest first. */
export async function listDue(
  reader: Reader,
  { now, limit, of }: { now: number; limit: number; of?: readonly number[] },
): Promise<DueMedia[]> {
  if (of?.length === 0) return []
  const rows = await reader.qb
    .selectFrom('media_deliveries as d')
    .innerJoin('media as m', 'm.media_nid', 'd.media_nid')
    .select(['m.media_nid as nid', 'm.blob_nid as blobNid', 'd.due_reason as reason'])
    .where('d.due_ts', '<=', now)
    .where('m.state', '=', 'live')
    .where('m.is_pinned', '=', 0)
    .where(notHeld(now))
    .where(notProtected())
    .$if(of !== undefined, (query) => query.where('d.media_nid', 'in', [...(of ?? [])]))
    .orderBy('d.due_ts')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ ...row, reason: row.reason ?? '' }))
}

/** Those of some media that may be deleted. */
export async function listDeletable(reader: Reader, numbers: readonly number[], now: number): Promise<RemovedMedia[]> {
  if (numbers.length === 0) return []
  return reader.qb
    .selectFrom('media as m')
    .select(['m.media_nid as nid', 'm.blob_nid as blobNid'])
    .where('m.media_nid', 'in', numbers)
    .where('m.state', '=', 'live')
    .where('m.is_pinned', '=', 0)
    .where(notHeld(now))
    .where(notProtected())
    .execute()
}

/** The addresses of some media, deleted or not. */
export async function listRefs(reader: Reader, numbers: readonly number[]): Promise<MediaRef[]> {
  if (numbers.length === 0) return []
  const rows = await reader.qb
    .selectFrom('media')
    .select(['origin', 'media_id as mediaId'])
    .where('media_nid', 'in', numbers)
    .execute()
  // Our own column.
  return rows.map(({ origin, mediaId }) => ({ origin: origin as ServerName, mediaId }))
}
