import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import type { Clock } from '../../util/clock.ts'
import { type JoinedRooms, sharedRooms } from './joined-rooms.ts'
import { type PresenceStates, presenceContent } from './states.ts'
import type { UserPresence } from './user-presence.ts'

export interface PresenceNews {
  /** How far an answer that is computed from now on has come. */
  counter(): number
  /**
   * `m.presence` events that a client has not seen: of those whose state changed after `since`, and of those whom its
   * user has met since then. Without `since`, of everybody around who is not offline.
   */
  list(viewer: UserId, since: number | undefined): Promise<PresenceEvent[]>
  /** Users whose state changed, or who came into a room, after `since`; undefined where that is too long ago to know. */
  changedUsers(since: number): ReadonlySet<UserId> | undefined
  /** Who came into which room after `since`, as far as that is known. */
  arrivals(since: number): readonly { readonly userId: UserId; readonly roomId: string }[]
  /** The presence of a user as it is now; undefined for somebody who has not been seen. */
  event(userId: UserId): PresenceEvent | undefined
}

export interface PresenceEvent extends JsonObject {
  type: 'm.presence'
  sender: UserId
  content: JsonObject
}

interface Deps {
  readonly clock: Clock
  readonly states: PresenceStates
  readonly joined: Pick<JoinedRooms, 'of'>
}

/** What may have to be told: whose state changed, and who came into which room. */
interface Changes {
  readonly changed: ReadonlySet<string>
  readonly arrivals: ReadonlyMap<string, ReadonlySet<string>>
}

const nowhere: ReadonlySet<string> = new Set()

export function createPresenceNews({ clock, states, joined }: Deps): PresenceNews {
  function changesAfter(since: number): Changes | undefined {
    const entries = states.log.after(since)
    if (entries === undefined) return undefined
    const changed = new Set<string>()
    const arrivals = new Map<string, Set<string>>()
    for (const { userId, roomId } of entries) {
      if (roomId === undefined) changed.add(userId)
      else arrivals.set(userId, (arrivals.get(userId) ?? new Set()).add(roomId))
    }
    return { changed, arrivals }
  }

  function candidates({ changed, arrivals }: Changes, viewer: UserId): Iterable<UserPresence> {
    if (arrivals.has(viewer)) return states.all()
    return [...new Set([...changed, ...arrivals.keys()])].flatMap((userId) => states.get(userId) ?? [])
  }

  const eventOf = (user: UserPresence): PresenceEvent => ({
    type: 'm.presence',
    sender: user.userId,
    content: presenceContent(user, clock.now()),
  })

  /** Everybody whom the viewer shares a room with and of whom `isNews` then says yes. */
  async function select(
    viewer: UserId,
    among: Iterable<UserPresence>,
    isNews: (user: UserPresence, shared: readonly string[]) => boolean,
  ): Promise<PresenceEvent[]> {
    const pause = createYielder()
    const mine = await joined.of(viewer)
    const found: PresenceEvent[] = []
    for (const user of [...among]) {
      await pause()
      const shared = user.userId === viewer ? [] : sharedRooms(mine, await joined.of(user.userId))
      if ((shared.length === 0 && user.userId !== viewer) || !isNews(user, shared)) continue
      found.push(eventOf(user))
    }
    return found
  }

  return {
    counter: states.log.counter,
    changedUsers: (since) => {
      const entries = states.log.after(since)
      return entries && new Set(entries.map(({ userId }) => userId))
    },
    arrivals: (since) =>
      (states.log.after(since) ?? []).flatMap(({ userId, roomId }) => (roomId === undefined ? [] : { userId, roomId })),
    event: (userId) => {
      const user = states.get(userId)
      return user && eventOf(user)
    },
    list: async (viewer, since) => {
      if (since === undefined) return select(viewer, states.all(), ({ shown }) => shown !== 'offline')
      const changes = changesAfter(since)
      if (changes === undefined) {
        return select(viewer, states.all(), ({ shown, changedAt }) => shown !== 'offline' || changedAt > since)
      }
      const { changed, arrivals } = changes
      if (changed.size + arrivals.size === 0) return []
      const own = arrivals.get(viewer) ?? nowhere
      return select(viewer, candidates(changes, viewer), (user, shared) => {
        if (changed.has(user.userId)) return true
        // Who was around before in some other room is known already.
        const theirs = arrivals.get(user.userId) ?? nowhere
        const isNew = shared.length > 0 && shared.every((roomId) => own.has(roomId) || theirs.has(roomId))
        return isNew && user.shown !== 'offline'
      })
    },
  }
}
