import type { Database } from '../../db/database.ts'
import { requireJoined } from '../access.ts'
import type { Actor } from '../actor.ts'
import type { Typing } from './typing.ts'

export interface TypingRequests {
  /** Says for a member that they type for `timeout` ms, or (undefined) no longer. Throws `403` for others. */
  set(actor: Actor, roomId: string, timeout: number | undefined): Promise<void>
}

export function createTypingRequests({ db, typing }: { db: Database; typing: Typing }): TypingRequests {
  return {
    set: async (actor, roomId, timeout) => {
      await db.read((reader) => requireJoined(reader, roomId, actor.userId))
      if (timeout === undefined) typing.stop(roomId, actor.userId)
      else typing.start(roomId, actor.userId, timeout)
    },
  }
}
