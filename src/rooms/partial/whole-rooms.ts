import type { Database } from '../../db/database.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { TimerClock } from '../../util/clock.ts'
import { getRoom } from '../store-rooms.ts'
import type { PersistHook } from '../types.ts'

/** Waits for the members of rooms that were entered without them. */
export interface WholeRooms {
  /** Resolves once all members of a room are here: mostly at once. Throws `503` where they don't come in time. */
  wait(roomId: string): Promise<void>
  readonly hook: PersistHook
}

/** Longer than this (ms) nobody's request is held. */
const patience = 60_000

const tooLate = () => new MatrixError(503, 'M_UNKNOWN', 'The members of this room are still being fetched')

export function createWholeRooms({ db, clock }: { db: Database; clock: TimerClock }): WholeRooms {
  const waiting = new Map<string, Set<() => void>>()

  async function isPartial(roomId: string): Promise<boolean> {
    return (await db.read((reader) => getRoom(reader, roomId)))?.isPartial === true
  }

  function wake(roomId: string): void {
    for (const resolve of waiting.get(roomId) ?? []) resolve()
  }

  return {
    wait: async (roomId) => {
      if (!(await isPartial(roomId))) return
      const { promise, resolve } = Promise.withResolvers<void>()
      const others = waiting.get(roomId) ?? new Set()
      waiting.set(roomId, others.add(resolve))
      const cancel = clock.after(patience, resolve)
      try {
        // It may have been completed before anybody could be told.
        if (await isPartial(roomId)) await promise
        if (await isPartial(roomId)) throw tooLate()
      } finally {
        cancel()
        others.delete(resolve)
        if (others.size === 0 && waiting.get(roomId) === others) waiting.delete(roomId)
      }
    },
    hook: async (tx, { room, isCompletion }) => {
      if (isCompletion) tx.afterCommit(() => wake(room.roomId))
    },
  }
}
