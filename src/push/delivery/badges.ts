import type { Reader } from '../../db/database.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import { LruMap } from '../../util/lru.ts'
import { getCounts } from '../counts.ts'
import { listUnreadRooms } from '../store-user-rooms.ts'

/** How many notifications a user has not read in all rooms together, as a snapshot at position `at` has it. */
export type UnreadTotal = (reader: Reader, userId: string, at: number) => Promise<number>

export interface UnreadTotals {
  readonly of: UnreadTotal
  /** Counts everything again: something changed that no position tells of. */
  forget(): void
}

/** Beyond this many rooms with news on the whole server it is cheaper to ask for the user's own. */
const maxActive = 300

interface Known {
  readonly at: number
  readonly rooms: ReadonlyMap<number, number>
}

/** Remembers the counts by room at a position, and then looks only at rooms with events or receipts since. */
export function createUnreadTotals({ reads }: { reads: Pick<RoomReads, 'recent'> }): UnreadTotals {
  const known = new LruMap<string, Known>(200_000, ({ rooms }) => rooms.size + 1)

  async function changedSince(reader: Reader, since: number, at: number): Promise<readonly number[] | undefined> {
    const active = await reads.recent.activeRooms(reader, since, at, maxActive + 1)
    const read = await reads.recent.roomsWithReceipts(reader, since, at, maxActive + 1)
    return active.length > maxActive || read.length > maxActive ? undefined : [...new Set([...active, ...read])]
  }

  const of: UnreadTotal = async (reader, userId, at) => {
    const before = known.get(userId)
    const isLater = before !== undefined && before.at <= at
    const changed = isLater ? await changedSince(reader, before.at, at) : undefined
    const rooms = new Map(changed === undefined ? [] : before?.rooms)
    for (const roomNid of changed ?? (await listUnreadRooms(reader, userId))) {
      const { notificationCount: n } = await getCounts(reader, userId, roomNid)
      if (n > 0) rooms.set(roomNid, n)
      else rooms.delete(roomNid)
    }
    if (before === undefined || isLater) known.set(userId, { at, rooms })
    return [...rooms.values()].reduce((sum, n) => sum + n, 0)
  }

  return { of, forget: () => known.clear() }
}
