import type { Reader } from '../../db/database.ts'
import { LruMap } from '../../util/lru.ts'
import { countJoined } from './store-public-rooms.ts'

export interface CountedRoom {
  readonly room_nid: number
  readonly state_nid: number | null
}

/** How many users are joined to a room now. Who is, is part of the room's state, so that a count stays true as long as that stands. */
export type JoinedCounts = (reader: Reader, room: CountedRoom) => Promise<number>

export function createJoinedCounts(capacity = 10_000): JoinedCounts {
  const counts = new LruMap<number, number>(capacity)
  return async (reader, { room_nid: roomNid, state_nid: stateNid }) => {
    const known = stateNid === null ? 0 : counts.get(stateNid)
    if (known !== undefined) return known
    const joined = await countJoined(reader, roomNid)
    // A write that is under way may still be taken back.
    if (stateNid !== null && !('writable' in reader)) counts.set(stateNid, joined)
    return joined
  }
}
