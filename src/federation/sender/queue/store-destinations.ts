import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../../../db/database.ts'
import { prepare } from '../../../db/prepare.ts'
import type { FederationSenderSchema } from '../../../db/schema/federation-sender.ts'

export type DestinationRow = Selectable<FederationSenderSchema['federation_destinations']>

const one = prepare((qb, p: { destination: string }) =>
  qb.selectFrom('federation_destinations').selectAll().where('destination', '=', p.destination),
)
const open = prepare((qb, p: { destination: string; id: string; pos: number; edus: string; ts: number }) =>
  qb
    .insertInto('federation_destinations')
    .values({
      destination: p.destination,
      txn_id: p.id,
      txn_pos: p.pos,
      txn_edus: p.edus,
      txn_ts: p.ts,
      attempts: 0,
      refusals: 0,
      failing_since: null,
      failed_ts: 0,
      retry_ts: 0,
      last_error: null,
      sent_pos: null,
    })
    .onConflict((c) =>
      c.column('destination').doUpdateSet((eb) => ({
        txn_id: eb.ref('excluded.txn_id'),
        txn_pos: eb.ref('excluded.txn_pos'),
        txn_edus: eb.ref('excluded.txn_edus'),
        txn_ts: eb.ref('excluded.txn_ts'),
        refusals: 0,
      })),
    ),
)
const close = prepare((qb, p: { destination: string; sentPos: number | null }) =>
  qb
    .updateTable('federation_destinations')
    .set({
      txn_id: null,
      txn_edus: '[]',
      attempts: 0,
      refusals: 0,
      failing_since: null,
      retry_ts: 0,
      last_error: null,
      sent_pos: p.sentPos,
    })
    .where('destination', '=', p.destination),
)

export const getDestination = (reader: Reader, destination: string): Promise<DestinationRow | undefined> =>
  one.first(reader, { destination })

/** Since when a server takes nothing, in ms since 1970; undefined for one that does, or was never written to. */
export async function failingSince(reader: Reader, destination: string): Promise<number | undefined> {
  return (await getDestination(reader, destination))?.failing_since ?? undefined
}

/** Fixes what the next transaction holds; the server is known from then on. */
export async function openTransaction(
  tx: Tx,
  transaction: { destination: string; id: string; pos: number; edus: string; ts: number },
): Promise<void> {
  await open.run(tx, transaction)
}

/** The server has taken the transaction, or it is given up. */
export async function closeTransaction(tx: Tx, destination: string, sentPos: number | null): Promise<void> {
  await close.run(tx, { destination, sentPos })
}

export async function updateDestination(
  tx: Tx,
  destination: string,
  patch: Partial<Omit<DestinationRow, 'destination'>>,
): Promise<void> {
  await tx.qb.updateTable('federation_destinations').set(patch).where('destination', '=', destination).execute()
}

/** Servers for which something waits or is under way, by name. */
export async function listWaiting(reader: Reader, after: string, limit: number): Promise<string[]> {
  const page = async (table: 'federation_queue' | 'federation_device_news' | 'federation_to_device') => {
    const query = reader.qb.selectFrom(table).select('destination').distinct()
    return query.where('destination', '>', after).orderBy('destination').limit(limit).execute()
  }
  const open = reader.qb.selectFrom('federation_destinations').select('destination')
  const rows = [
    ...(await page('federation_queue')),
    ...(await page('federation_device_news')),
    ...(await page('federation_to_device')),
    ...(await open
      .where('txn_id', 'is not', null)
      .where('destination', '>', after)
      .orderBy('destination')
      .limit(limit)
      .execute()),
  ]
  return [...new Set(rows.map((row) => row.destination))].sort().slice(0, limit)
}

/** Servers that have failed for long. */
export async function listGone(reader: Reader, failingSince: number, limit: number): Promise<string[]> {
  const rows = await reader.qb
    .selectFrom('federation_destinations')
    .select('destination')
    .where('failing_since', '<', failingSince)
    .limit(limit)
    .execute()
  return rows.map((row) => row.destination)
}

/** Servers that have failed for a while, by name. */
export async function listFailing(
  reader: Reader,
  failingSince: number,
  after: string,
  limit: number,
): Promise<Pick<DestinationRow, 'destination' | 'txn_pos'>[]> {
  return reader.qb
    .selectFrom('federation_destinations')
    .select(['destination', 'txn_pos'])
    .where('failing_since', '<', failingSince)
    .where('destination', '>', after)
    .orderBy('destination')
    .limit(limit)
    .execute()
}

/** Forgets everything that waits for a server. */
export async function deleteWaiting(tx: Tx, destination: string): Promise<void> {
  const tables = [
    'federation_queue',
    'federation_device_news',
    'federation_device_streams',
    'federation_to_device',
    'federation_destinations',
  ] as const
  for (const table of tables) await tx.qb.deleteFrom(table).where('destination', '=', destination).execute()
}
