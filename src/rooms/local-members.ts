import type { Database, Reader } from '../db/database.ts'
import type { UserId } from '../matrix/ids.ts'
import { LruMap } from '../util/lru.ts'
import { listLocalJoined } from './store-members.ts'
import { getRoom } from './store-rooms.ts'
import type { PersistHook } from './types.ts'

type Members = ReadonlySet<UserId>

/** The joined members of a room that are users of this server: whom to wake about it. Shared sets: never change them. */
export interface LocalMembers {
  /** The members now; empty for an unknown room. Not to be called inside a read or a write. */
  of(roomId: string): Promise<Members>
  /** The members as a snapshot has them. */
  get(reader: Reader, roomId: string): Promise<Members>
  /** Forgets the rooms in which somebody's membership changes. */
  readonly hook: PersistHook
  /** Forgets a room that is not what it was, by no change of membership. */
  forget(roomId: string): void
}

const none: Members = new Set()

async function load(reader: Reader, roomId: string): Promise<Members> {
  const room = await getRoom(reader, roomId)
  if (room === undefined) return none
  // The table holds what passed the authorisation rules, which check user ids.
  return new Set((await listLocalJoined(reader, room.nid)) as UserId[])
}

export function createLocalMembers(db: Database, capacity = 1_000_000): LocalMembers {
  const known = new LruMap<string, Members>(capacity, (members) => members.size + 1)
  /** The last load of each room: one that began before a change must not be kept after it. */
  const loading = new Map<string, symbol>()

  function forget(roomId: string): void {
    known.delete(roomId)
    loading.delete(roomId)
  }

  return {
    forget,
    of: async (roomId) => {
      const cached = known.get(roomId)
      if (cached !== undefined) return cached
      const turn = Symbol(roomId)
      loading.set(roomId, turn)
      try {
        const members = await db.read((reader) => load(reader, roomId))
        if (loading.get(roomId) === turn) known.set(roomId, members)
        return members
      } finally {
        if (loading.get(roomId) === turn) loading.delete(roomId)
      }
    },
    get: load,
    hook: async (tx, { room, currentChanges, removed }) => {
      const isMember = ({ type }: { type: string }) => type === 'm.room.member'
      if (!currentChanges.some(({ pdu }) => isMember(pdu)) && !removed.some(isMember)) return
      tx.afterCommit(() => forget(room.roomId))
    },
  }
}
