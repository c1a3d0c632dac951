import { sql } from 'kysely'
import type { Reader } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import { fits } from './store-holds.ts'

const single = prepare((qb, p: { mediaNid: number }) =>
  qb.selectFrom('media_holds').select(['created_ts', 'expires_ts', 'released_ts']).where('media_nid', '=', p.mediaNid),
)
const wide = prepare((qb, p: { mediaNid: number }) =>
  qb
    .selectFrom('media_holds as h')
    .innerJoin('media as m', (join) => join.on('m.media_nid', '=', p.mediaNid))
    .select(['h.created_ts', 'h.expires_ts', 'h.released_ts'])
    .where(sql<boolean>`${fits}`),
)
const quarantined = prepare((qb, p: { mediaNid: number }) =>
  qb
    .selectFrom('media as m')
    .innerJoin('media_blobs as b', 'b.blob_nid', 'm.blob_nid')
    .innerJoin('media_quarantines as q', 'q.sha256', 'b.sha256')
    .select('q.quarantined_ts as from')
    .where('m.media_nid', '=', p.mediaNid),
)

/** When media was held or in quarantine, is, and as far as is known will be; ended holds too. */
export async function listHoldTimes(
  reader: Reader,
  mediaNid: number,
): Promise<{ from: number; to: number | undefined }[]> {
  const rows = [...(await single.all(reader, { mediaNid })), ...(await wide.all(reader, { mediaNid }))]
  const holds = rows.map(({ created_ts: from, expires_ts: expires, released_ts: released }) => ({
    from,
    to: released === null ? (expires ?? undefined) : Math.min(released, expires ?? released),
  }))
  const now = await quarantined.first(reader, { mediaNid })
  return now ? [...holds, { from: now.from, to: undefined }] : holds
}
