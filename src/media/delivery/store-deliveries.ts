import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'

export type DeliveryKind = 'note' | 'message'

/** Begins to follow media, or begins again with another message. What is not only a note is none. */
export async function putDelivery(tx: Tx, mediaNid: number, kind: DeliveryKind, linkedTs: number): Promise<void> {
  await tx.qb
    .insertInto('media_deliveries')
    .values({ media_nid: mediaNid, kind, linked_ts: linkedTs, delivered_ts: null, unlinked_ts: null })
    .onConflict((conflict) =>
      conflict.column('media_nid').doUpdateSet({
        linked_ts: linkedTs,
        delivered_ts: null,
        unlinked_ts: null,
        ...(kind === 'message' && { kind }),
      }),
    )
    .execute()
}

const state = prepare((qb, p: { mediaNid: number }) =>
  qb
    .selectFrom('media_deliveries as d')
    .select((eb) => [
      'd.kind',
      'd.delivered_ts',
      'd.unlinked_ts',
      eb
        .selectFrom('media_links as l')
        .select((link) => link.fn.countAll<number>().as('count'))
        .whereRef('l.media_nid', '=', 'd.media_nid')
        .where('l.is_open', '=', 1)
        .as('open'),
      eb
        .selectFrom('media_links as l')
        .select((link) => link.fn.countAll<number>().as('count'))
        .whereRef('l.media_nid', '=', 'd.media_nid')
        .where('l.is_open', '=', 1)
        .where('l.is_tracked', '=', 0)
        .as('untracked'),
      eb
        .selectFrom('media_recipients as r')
        .select((recipient) => recipient.fn.countAll<number>().as('count'))
        .whereRef('r.media_nid', '=', 'd.media_nid')
        .where((recipient) =>
          recipient.exists(
            recipient
              .selectFrom('media_links as l')
              .select('l.event_id')
              .whereRef('l.media_nid', '=', 'r.media_nid')
              .whereRef('l.room_nid', '=', 'r.room_nid')
              .where('l.is_open', '=', 1),
          ),
        )
        .where((recipient) =>
          recipient.not(
            recipient.exists(
              recipient
                .selectFrom('media_fetches as f')
                .select('f.device')
                .whereRef('f.media_nid', '=', 'r.media_nid')
                .whereRef('f.recipient', '=', 'r.recipient')
                .where('f.complete_ts', 'is not', null),
            ),
          ),
        )
        .as('lacking'),
    ])
    .where('d.media_nid', '=', p.mediaNid),
)

export interface DeliveryState {
  readonly kind: DeliveryKind
  readonly deliveredTs: number | null
  readonly unlinkedTs: number | null
  /** Messages that show it, and those of them whose recipients are not followed. */
  readonly open: number
  readonly untracked: number
  /** Recipients of these messages who have not got it. */
  readonly lacking: number
}

export async function getDelivery(reader: Reader, mediaNid: number): Promise<DeliveryState | undefined> {
  const row = await state.first(reader, { mediaNid })
  if (!row) return undefined
  return {
    kind: row.kind === 'note' ? 'note' : 'message',
    deliveredTs: row.delivered_ts,
    unlinkedTs: row.unlinked_ts,
    open: row.open ?? 0,
    untracked: row.untracked ?? 0,
    lacking: row.lacking ?? 0,
  }
}

export async function setDelivery(
  tx: Tx,
  mediaNid: number,
  { deliveredTs, unlinkedTs }: Pick<DeliveryState, 'deliveredTs' | 'unlinkedTs'>,
): Promise<void> {
  await tx.qb
    .updateTable('media_deliveries')
    .set({ delivered_ts: deliveredTs, unlinked_ts: unlinkedTs })
    .where('media_nid', '=', mediaNid)
    .execute()
}

/** Forgets everything that was written down about messages that show media, and about who has it. */
export async function deleteDeliveries(tx: Tx, mediaNids: readonly number[]): Promise<void> {
  for (const table of ['media_deliveries', 'media_links', 'media_recipients', 'media_fetches'] as const) {
    await tx.qb.deleteFrom(table).where('media_nid', 'in', mediaNids).execute()
  }
}
