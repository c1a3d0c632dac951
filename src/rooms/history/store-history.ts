import { sql } from 'kysely'
import type { Reader } from '../../db/database.ts'

/** Whether a user of this server is in the room now. */
export async function hasJoinedUserOf(reader: Reader, roomNid: number, server: string): Promise<boolean> {
  const pattern = `@%:${server.replace(/[\\%_]/g, '\\$&')}`
  const row = await reader.qb
    .selectFrom('memberships')
    .select('user_id')
    .where('room_nid', '=', roomNid)
    .where('membership', '=', 'join')
    .where(sql<boolean>`user_id like ${pattern} escape '\\'`)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
