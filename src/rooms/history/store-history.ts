import { sql } from 'kysely'
import type { Reader } from '../../db/database.ts'

/** Whether a user of this server has one of these memberships in the room now. */
export async function hasUserOf(
  reader: Reader,
  roomNid: number,
  server: string,
  memberships: readonly string[],
): Promise<boolean> {
  const pattern = `@%:${server.replace(/[\\%_]/g, '\\$&')}`
  const row = await reader.qb
    .selectFrom('memberships')
    .select('user_id')
    .where('room_nid', '=', roomNid)
    .where('membership', 'in', memberships)
    .where(sql<boolean>`user_id like ${pattern} escape '\\'`)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Those of the ids that stand in the room's history here. */
export async function listPlaced(reader: Reader, roomNid: number, eventIds: readonly string[]): Promise<Set<string>> {
  if (eventIds.length === 0) return new Set()
  const rows = await reader.qb
    .selectFrom('events')
    .select('event_id')
    .where('event_id', 'in', eventIds)
    .where('room_nid', '=', roomNid)
    .where('stream_pos', 'is not', null)
    .execute()
  return new Set(rows.map((row) => row.event_id))
}
