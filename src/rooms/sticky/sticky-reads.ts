import type { Reader } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import type { EventCache } from '../event-cache.ts'
import type { Room, StoredEvent } from '../types.ts'
import { listOwnSticky, listSticky, listStickyOfUser } from './store-sticky.ts'

/** Sticky events that have not expired. */
export interface StickyReads {
  /** Those of a room in `(after, upTo]`, oldest first, at most the newest thousand. Costs nothing where there is none. */
  list(reader: Reader, room: Room, range: { after: number | undefined; upTo: number }): Promise<StoredEvent[]>
  /** Those of all rooms in which a user is, oldest first. */
  ofUser(
    reader: Reader,
    userId: UserId,
    range: { after: number; upTo: number; limit: number },
  ): Promise<{ event: StoredEvent; roomNid: number; streamPos: number }[]>
  /** The numbers of those that users of this server sent, oldest first. */
  own(reader: Reader, room: Room): Promise<number[]>
}

const mostOfRoom = 1_000

export function createStickyReads({ clock, events }: { clock: Clock; events: EventCache }): StickyReads {
  return {
    list: async (reader, room, { after = 0, upTo }) => {
      const now = clock.now()
      if (room.stickyUntil <= now || room.lastPos <= after) return []
      const nids = await listSticky(reader, { roomNid: room.nid, after, upTo, now, limit: mostOfRoom })
      const found = await events.list(reader, nids)
      return nids.flatMap((nid) => found.get(nid) ?? [])
    },
    ofUser: async (reader, userId, range) => {
      const rows = await listStickyOfUser(reader, { ...range, userId, now: clock.now() })
      const found = await events.list(
        reader,
        rows.map((row) => row.event_nid),
      )
      return rows.flatMap(({ event_nid: nid, room_nid: roomNid, stream_pos: streamPos }) => {
        const event = found.get(nid)
        return event === undefined || streamPos === null ? [] : { event, roomNid, streamPos }
      })
    },
    own: async (reader, room) => {
      const now = clock.now()
      return room.stickyUntil <= now ? [] : listOwnSticky(reader, room.nid, now, mostOfRoom)
    },
  }
}
