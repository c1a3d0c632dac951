import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { SlidingSyncSchema } from '../../db/schema/sliding-sync.ts'

export type ConnectionRow = Selectable<SlidingSyncSchema['sliding_connections']>

export interface ConnectionKey {
  readonly userId: string
  readonly deviceId: string
  readonly connId: string
}

const byNid = prepare((qb, p: { nid: number }) =>
  qb.selectFrom('sliding_connections').selectAll().where('conn_nid', '=', p.nid),
)
const touch = prepare((qb, p: { nid: number; ts: number }) =>
  qb.updateTable('sliding_connections').set({ last_used_ts: p.ts }).where('conn_nid', '=', p.nid),
)

export const getConnection = (reader: Reader, nid: number): Promise<ConnectionRow | undefined> =>
  byNid.first(reader, { nid })

export async function insertConnection(
  tx: Tx,
  { userId, deviceId, connId }: ConnectionKey,
  { nid, seq, settings, ts }: { nid: number; seq: number; settings: string; ts: number },
): Promise<void> {
  await tx.qb
    .insertInto('sliding_connections')
    .values({
      conn_nid: nid,
      user_id: userId,
      device_id: deviceId,
      conn_id: connId,
      seq,
      settings,
      pending_seq: null,
      pending_settings: null,
      last_used_ts: ts,
    })
    .execute()
}

export async function updateConnection(
  tx: Tx,
  nid: number,
  changes: Pick<ConnectionRow, 'seq' | 'settings' | 'pending_seq' | 'pending_settings' | 'last_used_ts'>,
): Promise<void> {
  await tx.qb.updateTable('sliding_connections').set(changes).where('conn_nid', '=', nid).execute()
}

export async function updateLastUsed(tx: Tx, nid: number, ts: number): Promise<void> {
  await touch.run(tx, { nid, ts })
}

export async function listConnectionsOf(
  tx: Tx,
  userId: string,
  deviceId: string,
): Promise<Pick<ConnectionRow, 'conn_nid' | 'conn_id'>[]> {
  return tx.qb
    .selectFrom('sliding_connections')
    .select(['conn_nid', 'conn_id'])
    .where('user_id', '=', userId)
    .where('device_id', '=', deviceId)
    .orderBy('last_used_ts', 'desc')
    .orderBy('conn_nid', 'desc')
    .execute()
}

export async function listUnusedConnections(reader: Reader, before: number, limit: number): Promise<number[]> {
  const rows = await reader.qb
    .selectFrom('sliding_connections')
    .select('conn_nid')
    .where('last_used_ts', '<', before)
    .orderBy('last_used_ts')
    .limit(limit)
    .execute()
  return rows.map((row) => row.conn_nid)
}

export async function deleteConnection(tx: Tx, nid: number): Promise<void> {
  await tx.qb.deleteFrom('sliding_rooms').where('conn_nid', '=', nid).execute()
  await tx.qb.deleteFrom('sliding_connections').where('conn_nid', '=', nid).execute()
}
