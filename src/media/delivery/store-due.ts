import type { Reader } from '../../db/database.ts'
import type { RemovedMedia } from '../remove-media.ts'
import { notHeld } from '../store-holds.ts'
import type { DueRule } from './policy.ts'

/** Media that is due by a rule, and neither pinned nor held. */
export function listDue(
  reader: Reader,
  rule: DueRule,
  { now, limit }: { now: number; limit: number },
): Promise<RemovedMedia[]> {
  return reader.qb
    .selectFrom('media_deliveries as d')
    .innerJoin('media as m', 'm.media_nid', 'd.media_nid')
    .select(['m.media_nid as nid', 'm.blob_nid as blobNid'])
    .where(`d.${rule.column}`, '<=', rule.until)
    .where('d.kind', 'in', rule.kinds)
    .where('m.state', '=', 'live')
    .where('m.is_pinned', '=', 0)
    .where(notHeld(now))
    .orderBy(`d.${rule.column}`)
    .limit(limit)
    .execute()
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
    .execute()
}
