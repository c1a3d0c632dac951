import { sql } from 'kysely'
import type { Reader } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import { hasUserIdShape, type ServerName, serverOf } from '../../matrix/ids.ts'

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

const position = prepare((qb, p: { eventId: string }) =>
  qb.selectFrom('events').select(['stream_pos', 'status']).where('event_id', '=', p.eventId),
)

/**
 * Where an event stands in the stream; undefined where it is not here, or without a place. `refused`: it is here, and no
 * client will ever see it.
 */
export async function getPosition(reader: Reader, eventId: string): Promise<number | 'refused' | undefined> {
  const row = await position.first(reader, { eventId })
  if (row === undefined) return undefined
  return row.status === 0 ? (row.stream_pos ?? undefined) : 'refused'
}

/** Those of the ids that stand in the room's history here, or were refused and never will. */
export async function listPlaced(reader: Reader, roomNid: number, eventIds: readonly string[]): Promise<Set<string>> {
  if (eventIds.length === 0) return new Set()
  const rows = await reader.qb
    .selectFrom('events')
    .select('event_id')
    .where('event_id', 'in', eventIds)
    .where('room_nid', '=', roomNid)
    .where((eb) => eb.or([eb('stream_pos', 'is not', null), eb('status', '!=', 0)]))
    .execute()
  return new Set(rows.map((row) => row.event_id))
}

/** The servers of those who are in a room, those with most people first. */
export async function listServersIn(reader: Reader, roomNid: number): Promise<ServerName[]> {
  const rows = await reader.qb
    .selectFrom('memberships')
    .select('user_id')
    .where('room_nid', '=', roomNid)
    .where('membership', '=', 'join')
    .execute()
  const counts = new Map<ServerName, number>()
  for (const { user_id: userId } of rows) {
    if (!hasUserIdShape(userId)) continue
    const server = serverOf(userId)
    counts.set(server, (counts.get(server) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([server]) => server)
}
