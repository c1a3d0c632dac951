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

const sendersRow = prepare((qb, p: { roomNid: number; after: number; upTo: number; limit: number }) =>
  qb
    .selectFrom('events')
    .select(['event_nid', 'stream_pos', 'sender', 'redacted_by'])
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', '>', p.after)
    .where('stream_pos', '<=', p.upTo)
    .orderBy('stream_pos')
    .limit(p.limit),
)

/** Who sent what in a stretch of a room's timeline, without the events: for looking through much of it. */
export function listSenders(
  reader: Reader,
  stretch: { roomNid: number; after: number; upTo: number; limit: number },
): Promise<{ event_nid: number; stream_pos: number | null; sender: string; redacted_by: string | null }[]> {
  return sendersRow.all(reader, stretch)
}
