import type { Database } from '../../db/database.ts'
import { LruMap } from '../../util/lru.ts'
import { listJoinedRoomIds } from '../sharing.ts'
import { type PersistHook, removedMembers } from '../types.ts'

type RoomIds = ReadonlySet<string>

/** Which rooms a user is in, remembered while nothing changes. Shared sets: never change them. */
export interface JoinedRooms {
  /** Not to be called inside a read or a write. */
  of(userId: string): Promise<RoomIds>
  /** Forgets the users whose membership changes. */
  readonly hook: PersistHook
}

/** The rooms in both. */
export function sharedRooms(some: RoomIds, others: RoomIds): string[] {
  const [small, large] = some.size < others.size ? [some, others] : [others, some]
  return [...small].filter((roomId) => large.has(roomId))
}

export function createJoinedRooms(db: Database, capacity = 300_000): JoinedRooms {
  const known = new LruMap<string, RoomIds>(capacity, (rooms) => rooms.size + 1)
  /** The last load for each user: one that began before a change must not be kept after it. */
  const loading = new Map<string, symbol>()

  return {
    of: async (userId) => {
      const cached = known.get(userId)
      if (cached !== undefined) return cached
      const turn = Symbol(userId)
      loading.set(userId, turn)
      try {
        const rooms = new Set(await db.read((reader) => listJoinedRoomIds(reader, userId)))
        if (loading.get(userId) === turn) known.set(userId, rooms)
        return rooms
      } finally {
        if (loading.get(userId) === turn) loading.delete(userId)
      }
    },
    hook: async (tx, { currentChanges, removed }) => {
      const changed = currentChanges.flatMap(({ pdu }) => (pdu.type === 'm.room.member' ? [pdu.state_key ?? ''] : []))
      const members = [...changed, ...removedMembers(removed)]
      if (members.length === 0) return
      tx.afterCommit(() => {
        for (const userId of members) {
          known.delete(userId)
          loading.delete(userId)
        }
      })
    },
  }
}
