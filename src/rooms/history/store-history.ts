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
