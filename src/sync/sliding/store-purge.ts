import { sql } from 'kysely'
import type { Reader } from '../../db/database.ts'
import { type DoomedRows, rowsOf } from '../../db/delete-pages.ts'

/** A page of all connections, by their numbers. */
export async function listConnections(reader: Reader, after: number, limit: number): Promise<number[]> {
  const query = reader.qb.selectFrom('sliding_connections').select('conn_nid').where('conn_nid', '>', after)
  return (await query.orderBy('conn_nid').limit(limit).execute()).map((row) => row.conn_nid)
}

/** What some connections have been sent of a room. */
export const sentOf = (connNids: readonly number[], roomNid: number): DoomedRows =>
  rowsOf(
    'sliding_rooms',
    ['conn_nid', 'is_pending', 'room_nid'],
    sql`conn_nid in (${sql.join(connNids)}) and is_pending in (0, 1) and room_nid = ${roomNid}`,
  )
