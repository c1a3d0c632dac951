import type { Reader } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import { toStoredEvent } from './store-events.ts'
import type { StoredEvent } from './types.ts'

const memberHistory = prepare((qb, p: { roomNid: number; userId: string }) =>
  qb
    .selectFrom('events')
    .selectAll()
    .where('room_nid', '=', p.roomNid)
    .where('type', '=', 'm.room.member')
    .where('state_key', '=', p.userId)
    .where('stream_pos', 'is not', null)
    .where('status', '=', 0)
    .orderBy('stream_pos', 'desc')
    .limit(50),
)

/** The newest member events of a user in a room, newest first. */
export async function listMemberHistory(reader: Reader, roomNid: number, userId: string): Promise<StoredEvent[]> {
  return (await memberHistory.all(reader, { roomNid, userId })).map(toStoredEvent)
}
