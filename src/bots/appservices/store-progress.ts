import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { AppservicesSchema } from '../../db/schema/appservices.ts'

export type ProgressRow = Selectable<AppservicesSchema['appservice_progress']>

const one = prepare((qb, p: { id: string }) =>
  qb.selectFrom('appservice_progress').selectAll().where('appservice_id', '=', p.id),
)

export const getProgress = (reader: Reader, id: string): Promise<ProgressRow | undefined> => one.first(reader, { id })

export async function insertProgress(tx: Tx, id: string, position: number): Promise<void> {
  await tx.qb
    .insertInto('appservice_progress')
    .values({
      appservice_id: id,
      namespaces: '',
      txn_id: null,
      txn_pos: position,
      txn_extra: '{}',
      device_lists_pos: position,
      attempts: 0,
      retry_ts: 0,
      last_error: null,
    })
    .onConflict((c) => c.doNothing())
    .execute()
}

export async function updateProgress(
  tx: Tx,
  id: string,
  patch: Partial<Omit<ProgressRow, 'appservice_id'>>,
): Promise<void> {
  await tx.qb.updateTable('appservice_progress').set(patch).where('appservice_id', '=', id).execute()
}

export async function listKnownServices(reader: Reader): Promise<string[]> {
  const rows = await reader.qb.selectFrom('appservice_progress').select('appservice_id').execute()
  return rows.map((row) => row.appservice_id)
}

/** Forgets a service that is registered no more, with all that waits for it. */
export async function deleteService(tx: Tx, id: string): Promise<void> {
  const tables = [
    'appservice_progress',
    'appservice_members',
    'appservice_events',
    'appservice_to_device',
    'appservice_receipts',
    'appservice_key_counts',
    'network_rooms',
  ] as const
  for (const table of tables) await tx.qb.deleteFrom(table).where('appservice_id', '=', id).execute()
}
