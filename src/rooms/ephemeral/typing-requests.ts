import type { Database } from '../../db/database.ts'
import { requireJoined } from '../access.ts'
import type { Actor } from '../actor.ts'
import type { People } from '../people.ts'
import type { Typing } from './typing.ts'

export interface TypingRequests {
  /**
   * Says for a member that they type for `timeout` ms, or (undefined) no longer. Throws `403` for others, and for
   * suspended members who begin: they cannot send what they would be seen to write.
   */
  set(actor: Actor, roomId: string, timeout: number | undefined): Promise<void>
}

interface Deps {
  readonly db: Database
  readonly typing: Typing
  readonly people: Pick<People, 'requireActive'>
}

export function createTypingRequests({ db, typing, people }: Deps): TypingRequests {
  return {
    set: async (actor, roomId, timeout) => {
      await db.read(async (reader) => {
        await requireJoined(reader, roomId, actor.userId)
        if (timeout !== undefined) await people.requireActive(reader, actor.userId)
      })
      if (timeout === undefined) typing.stop(roomId, actor.userId)
      else typing.start(roomId, actor.userId, timeout)
    },
  }
}
