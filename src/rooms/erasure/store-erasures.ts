import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import { toStoredEvent } from '../store-events.ts'
import type { StoredEvent } from '../types.ts'

export async function insertErasure(tx: Tx, userId: string, position: number): Promise<void> {
  await tx.qb
    .insertInto('erased_users')
    .values({ user_id: userId, stream_pos: position })
    .onConflict((c) => c.doNothing())
    .execute()
}

/** When each of them was erased, by stream position. */
export async function listErasures(reader: Reader): Promise<Map<string, number>> {
  const rows = await reader.qb.selectFrom('erased_users').selectAll().execute()
  return new Map(rows.map((row) => [row.user_id, row.stream_pos]))
}

const firstMemberships = prepare((qb, p: { roomNid: number; userId: string }) =>
  qb
    .selectFrom('events')
    .selectAll()
    .where('room_nid', '=', p.roomNid)
    .where('type', '=', 'm.room.member')
    .where('state_key', '=', p.userId)
    .where('stream_pos', 'is not', null)
    .where('status', '=', 0)
    .orderBy('stream_pos')
    .limit(100),
)

/** The member events of a user in a room, oldest first. */
export async function listFirstMemberships(reader: Reader, roomNid: number, userId: string): Promise<StoredEvent[]> {
  return (await firstMemberships.all(reader, { roomNid, userId })).map(toStoredEvent)
}
