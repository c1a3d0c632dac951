import { sql } from 'kysely'
import type { Reader } from '../../../db/database.ts'
import { type DoomedRows, rowsOf } from '../../../db/delete-pages.ts'

/** A page of the servers that something waits for, by name. */
export async function listQueueing(reader: Reader, after: string, limit: number): Promise<string[]> {
  const query = reader.qb.selectFrom('federation_queue').select('destination').distinct()
  const rows = await query.where('destination', '>', after).orderBy('destination').limit(limit).execute()
  return rows.map((row) => row.destination)
}

/** What a server is still owed of a room. */
export const owedTo = (destination: string, roomNid: number): DoomedRows =>
  rowsOf('federation_queue', ['destination', 'stream_pos'], sql`destination = ${destination} and room_nid = ${roomNid}`)

export const serversOf = (roomNid: number): DoomedRows =>
  rowsOf('federation_room_servers', ['room_nid', 'server'], sql`room_nid = ${roomNid}`)

/** Whether servers that take what they are sent are still owed events of a room. */
export async function isOwing(reader: Reader, roomNid: number): Promise<boolean> {
  const row = await reader.qb
    .selectFrom('federation_queue as q')
    .leftJoin('federation_destinations as d', 'd.destination', 'q.destination')
    .select('q.destination')
    .where('q.room_nid', '=', roomNid)
    .where('d.failing_since', 'is', null)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
