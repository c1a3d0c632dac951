import { sql } from 'kysely'
import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { Due } from './due.ts'
import { insertRedactions } from './store-redactions.ts'

/** Begins to follow media, or begins again with another message. */
export async function putDelivery(tx: Tx, mediaNid: number, linkedTs: number): Promise<void> {
  const begin = { linked_ts: linkedTs, delivered_ts: null, unlinked_ts: null, paused_ms: 0 }
  await tx.qb
    .insertInto('media_deliveries')
    .values({ media_nid: mediaNid, ...begin, due_ts: null, due_reason: null, policy: '', is_ephemeral: 0 })
    .onConflict((conflict) => conflict.column('media_nid').doUpdateSet(begin))
    .execute()
}

const state = prepare((qb, p: { mediaNid: number }) =>
  qb
    .selectFrom('media_deliveries as d')
    .innerJoin('media as m', 'm.media_nid', 'd.media_nid')
    .select([
      'd.linked_ts',
      'd.delivered_ts',
      'd.unlinked_ts',
      'd.paused_ms',
      'd.due_ts',
      'd.due_reason',
      'd.policy',
      'd.is_ephemeral',
    ])
    .select(['m.uploader', 'm.is_pinned', 'm.created_ts'])
    .select(({ eb, exists, or, selectFrom }) =>
      eb
        .case()
        .when(
          exists(
            selectFrom('media_keeps as k')
              .select('k.user_id')
              .where((keep) =>
                or([
                  keep('k.media_nid', '=', p.mediaNid),
                  // What stands for it.
                  keep(
                    'k.media_nid',
                    'in',
                    selectFrom('media_links as l')
                      .select('l.main_nid')
                      .where('l.media_nid', '=', p.mediaNid)
                      .$castTo<number>(),
                  ),
                ]),
              ),
          ),
        )
        .then(1)
        .else(0)
        .end()
        .as('is_kept'),
    )
    .where('d.media_nid', '=', p.mediaNid),
)

export const getDelivery = (reader: Reader, mediaNid: number) => state.first(reader, { mediaNid })
export type DeliveryRow = NonNullable<Awaited<ReturnType<typeof getDelivery>>>

/** What has changed of media that is followed. */
export interface DeliveryChange {
  readonly deliveredTs: number | null
  readonly unlinkedTs: number | null
  readonly due: Due | undefined
  readonly policy: string
  /** Whether it goes once it is delivered. */
  readonly isEphemeral: boolean
}

const change = prepare(
  (
    qb,
    p: {
      mediaNid: number
      deliveredTs: number | null
      unlinkedTs: number | null
      dueTs: number | null
      dueReason: string | null
      policy: string
      isEphemeral: number
    },
  ) =>
    qb
      .updateTable('media_deliveries')
      .set({
        delivered_ts: p.deliveredTs,
        unlinked_ts: p.unlinkedTs,
        due_ts: p.dueTs,
        due_reason: p.dueReason,
        policy: p.policy,
        is_ephemeral: p.isEphemeral,
      })
      .where('media_nid', '=', p.mediaNid),
)

export async function setDelivery(
  tx: Tx,
  mediaNid: number,
  { due, isEphemeral, ...rest }: DeliveryChange,
): Promise<void> {
  const flags = { isEphemeral: isEphemeral ? 1 : 0 }
  await change.run(tx, { mediaNid, ...rest, ...flags, dueTs: due?.ts ?? null, dueReason: due?.reason ?? null })
}

/** A server that lacks it could not be reached for so long, in ms. */
export async function addPause(tx: Tx, mediaNid: number, ms: number): Promise<void> {
  await tx.qb
    .updateTable('media_deliveries')
    .set(({ eb, ref }) => ({ paused_ms: eb(ref('paused_ms'), '+', ms) }))
    .where('media_nid', '=', mediaNid)
    .execute()
}

/** Media whose due time was worked out by another policy of the server. */
export async function listOutdated(reader: Reader, policy: string, limit: number): Promise<number[]> {
  const query = reader.qb.selectFrom('media_deliveries').select('media_nid as nid')
  // Two ranges of the index; one inequality would read all of it.
  const before = await query.where('policy', '<', policy).limit(limit).execute()
  const after = await query.where('policy', '>', policy).limit(limit).execute()
  return [...before, ...after].slice(0, limit).map(({ nid }) => nid)
}

/** What media that is followed has in common. */
export interface FollowedOf {
  readonly roomNid?: number
  readonly uploader?: string
  readonly mediaNid?: number
  readonly sha256?: string
}

/** A page of the media that is followed, in the order of their numbers. */
export async function listFollowed(
  reader: Reader,
  of: FollowedOf,
  { after, limit }: { after: number; limit: number },
): Promise<number[]> {
  const { roomNid, uploader, mediaNid, sha256 } = of
  const rows = await reader.qb
    .selectFrom('media_deliveries as d')
    .select('d.media_nid as nid')
    .where('d.media_nid', '>', after)
    .$if(mediaNid !== undefined, (query) => query.where('d.media_nid', '=', mediaNid ?? 0))
    .$if(uploader !== undefined, (query) =>
      query.where('d.media_nid', 'in', (qb) =>
        qb
          .selectFrom('media')
          .select('media_nid')
          .where('uploader', '=', uploader ?? ''),
      ),
    )
    .$if(sha256 !== undefined, (query) =>
      query.where('d.media_nid', 'in', (qb) =>
        qb
          .selectFrom('media_blobs as b')
          .innerJoin('media as m', 'm.blob_nid', 'b.blob_nid')
          .select('m.media_nid')
          .where('b.sha256', '=', sha256 ?? '')
          // As the index says it.
          .where('b.state', '=', sql.lit('stored')),
      ),
    )
    .$if(roomNid !== undefined, (query) =>
      query.where('d.media_nid', 'in', (qb) =>
        qb
          .selectFrom('media_links')
          .select('media_nid')
          .where('room_nid', '=', roomNid ?? 0),
      ),
    )
    .orderBy('d.media_nid')
    .limit(limit)
    .execute()
  return rows.map(({ nid }) => nid)
}

/** Forgets everything that was written down about messages that show media, and about who has it; servers that do are to be told. */
export async function deleteDeliveries(
  tx: Tx,
  mediaNids: readonly number[],
  cause: { reason: string; now: number },
): Promise<void> {
  await insertRedactions(tx, mediaNids, cause)
  for (const table of [
    'media_deliveries',
    'media_links',
    'media_recipients',
    'media_fetches',
    'media_keeps',
  ] as const) {
    await tx.qb.deleteFrom(table).where('media_nid', 'in', mediaNids).execute()
  }
}
