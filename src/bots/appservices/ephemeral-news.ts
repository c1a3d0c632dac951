import type { Appservice } from '../../accounts/appservices/appservice.ts'
import type { Reader } from '../../db/database.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Typing } from '../../rooms/ephemeral/typing.ts'
import type { PresenceNews } from '../../rooms/presence/news.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { Interest } from './interest.ts'

/** What is kept in memory only, and told once. */
export interface EphemeralNews {
  /** Whether there may be something to tell. */
  isPending(): boolean
  /** At most `limit` events, and how to forget them once they are in a transaction. */
  collect(reader: Reader, limit: number): Promise<{ events: JsonObject[]; forget(): void }>
}

export interface EphemeralSources {
  readonly typing: Pick<Typing, 'users' | 'changedSince' | 'counter'>
  readonly presence: Pick<PresenceNews, 'counter' | 'changedUsers' | 'event'>
  readonly reads: Pick<RoomReads, 'roomById'>
  readonly interest: Interest
}

/** Who types and who is there, from now on: https://spec.matrix.org/v1.19/application-service-api/#pushing-edus */
export function createEphemeralNews(sources: EphemeralSources, service: Appservice): EphemeralNews {
  const { typing, presence, reads, interest } = sources
  const rooms = new Set<string>()
  const users = new Set<UserId>()
  let typingSince = typing.counter()
  let presenceSince = presence.counter()

  function look(): void {
    for (const roomId of typing.changedSince(typingSince)) rooms.add(roomId)
    typingSince = typing.counter()
    for (const userId of presence.changedUsers(presenceSince) ?? []) users.add(userId)
    presenceSince = presence.counter()
  }

  async function typingEvent(reader: Reader, roomId: string): Promise<JsonObject | undefined> {
    const room = await reads.roomById(reader, roomId)
    if (room === undefined || !(await interest.isRoom(reader, service, room))) return undefined
    return { type: 'm.typing', room_id: roomId, content: { user_ids: [...typing.users(roomId)] } }
  }

  return {
    isPending: () => {
      look()
      return rooms.size + users.size > 0
    },
    collect: async (reader, limit) => {
      look()
      const events: JsonObject[] = []
      const seenRooms = [...rooms].slice(0, limit)
      const seenUsers = [...users].slice(0, limit - seenRooms.length)
      for (const roomId of seenRooms) {
        const event = await typingEvent(reader, roomId)
        if (event !== undefined) events.push(event)
      }
      for (const userId of seenUsers) {
        const event = (await interest.isUser(reader, service, userId)) ? presence.event(userId) : undefined
        if (event !== undefined) events.push(event)
      }
      return {
        events,
        forget: () => {
          for (const roomId of seenRooms) rooms.delete(roomId)
          for (const userId of seenUsers) users.delete(userId)
        },
      }
    },
  }
}
