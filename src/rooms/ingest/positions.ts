import type { Tx } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import type { Room } from '../types.ts'
import { insertHistorySpace } from './store-history-space.ts'

/** So many positions (which cost nothing) are kept free for what is missing before an event. */
const historySpace = 1_000_000

/**
 * The next position in the stream. Where something is missing before the event, and the room has something before that,
 * the positions in between are kept for it.
 */
export async function takePosition(
  tx: Tx,
  streams: Pick<Streams, 'allocate'>,
  room: Pick<Room, 'nid' | 'lastPos'>,
  isAfterGap: boolean,
): Promise<number> {
  if (!isAfterGap || room.lastPos === 0) return streams.allocate(tx, 1)
  const last = await streams.allocate(tx, historySpace + 1)
  await insertHistorySpace(tx, { roomNid: room.nid, low: last - historySpace, high: last - 1 })
  return last
}
