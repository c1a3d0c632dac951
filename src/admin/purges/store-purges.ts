import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../../db/database.ts'
import type { PurgeKind, PurgeStatus, PurgesSchema } from '../../db/schema/purges.ts'

export type PurgeRow = Selectable<PurgesSchema['purges']>

export async function insertPurge(tx: Tx, row: Omit<PurgeRow, 'result' | 'error' | 'ended_ts'>): Promise<void> {
  await tx.qb
    .insertInto('purges')
    .values({ ...row, result: null, error: null, ended_ts: null })
    .execute()
}

export function getPurge(reader: Reader, purgeId: string): Promise<PurgeRow | undefined> {
  return reader.qb.selectFrom('purges').selectAll().where('purge_id', '=', purgeId).executeTakeFirst()
}

/** What was removed of a room, or is being removed, oldest first. */
export function listPurges(reader: Reader, roomId: string, kind: PurgeKind): Promise<PurgeRow[]> {
  const query = reader.qb.selectFrom('purges').selectAll().where('room_id', '=', roomId).where('kind', '=', kind)
  return query.orderBy('created_ts').execute()
}

export async function updatePurge(
  tx: Tx,
  purgeId: string,
  patch: { status: PurgeStatus; result?: string; error?: string; ended_ts?: number },
): Promise<void> {
  await tx.qb.updateTable('purges').set(patch).where('purge_id', '=', purgeId).execute()
}

/** Forgets what has ended before a time. */
export async function deleteEndedBefore(tx: Tx, ts: number): Promise<void> {
  await tx.qb.deleteFrom('purges').where('ended_ts', '<', ts).execute()
}

/** Whether something is being removed of a room. */
export async function isUnderWay(reader: Reader, roomId: string): Promise<boolean> {
  const query = reader.qb.selectFrom('purges').select('purge_id').where('room_id', '=', roomId)
  return (await query.where('ended_ts', 'is', null).limit(1).executeTakeFirst()) !== undefined
}
