import type { Accounts } from '../../accounts/accounts.ts'
import type { Database, Tx } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Part } from '../../util/part.ts'
import type { Actor } from '../actor.ts'
import type { LocalMembers } from '../local-members.ts'
import type { RoomView } from '../room-view.ts'
import type { PersistHook } from '../types.ts'
import { createJoinedRooms, sharedRooms } from './joined-rooms.ts'
import { createPresenceNews, type PresenceNews } from './news.ts'
import { createPresenceHook } from './persist-hook.ts'
import { createPresenceStates, presenceContent } from './states.ts'
import type { PresenceState } from './user-presence.ts'
import { createPresenceWaker } from './waker.ts'

export type { PresenceState } from './user-presence.ts'

/** https://spec.matrix.org/v1.19/client-server-api/#presence */
export interface Presence {
  /** A client asks for news, and says how its user is. Call the returned function when the request has been answered. */
  connect(actor: Actor, state: PresenceState): () => void
  /** Throws `403 M_USER_SUSPENDED`. */
  set(actor: Actor, state: PresenceState, statusMsg: string | undefined): Promise<void>
  /** Another server says how a user of its own is; `activeAgo` in ms. */
  receive(
    userId: UserId,
    update: { state: PresenceState; statusMsg: string | undefined; activeAgo: number | undefined; isActive: boolean },
  ): void
  /** What one user may know of another. Throws `403 M_FORBIDDEN` where they share no room. */
  get(viewer: UserId, userId: string): Promise<JsonObject>
  /** What a client does not know yet. Not to be called inside a read or a write. */
  readonly news: PresenceNews
  /** Notices who does something in a room, and who comes into one. */
  readonly hook: PersistHook
  /** A user has done something that is no event. */
  acted(tx: Tx, user: { userId: UserId }): Promise<void>
  deviceRemoved(tx: Tx, device: { userId: UserId; deviceId: string }): Promise<void>
  userDeactivated(tx: Tx, user: { userId: UserId }): Promise<void>
  readonly part: Part
}

interface Deps {
  readonly db: Database
  readonly streams: Streams
  readonly clock: TimerClock
  readonly log: Log
  readonly accounts: { readonly users: Pick<Accounts['users'], 'requireActive'> }
  readonly view: RoomView
  readonly localMembers: Pick<LocalMembers, 'of'>
  /** Off: states that clients set are accepted and forgotten, and everybody is offline. */
  readonly enabled: boolean
}

/** Who is there, kept in memory: it changes often, concerns few, and is worth no write of its own. */
export function createPresence(deps: Deps): Presence {
  const { db, clock, accounts, enabled } = deps
  const joined = createJoinedRooms(db)
  const waker = createPresenceWaker({ ...deps, joined })
  const states = createPresenceStates({ ...deps, onChange: waker.changed })
  const hook = createPresenceHook({ view: deps.view, states })
  const news = createPresenceNews({ clock, states, joined })

  async function canSee(viewer: UserId, userId: string): Promise<boolean> {
    if (viewer === userId) return true
    return sharedRooms(await joined.of(viewer), await joined.of(userId)).length > 0
  }

  return {
    connect: ({ userId, deviceId = '' }, state) => (enabled ? states.connect(userId, deviceId, state) : () => {}),
    set: async ({ userId, deviceId = '' }, state, statusMsg) => {
      await db.read((reader) => accounts.users.requireActive(reader, userId))
      if (enabled) states.set(userId, deviceId, state, statusMsg)
    },
    receive: (userId, { state, statusMsg, activeAgo = 0, isActive }) => {
      if (enabled) states.receive(userId, { state, lastActive: clock.now() - activeAgo, isActive }, statusMsg)
    },
    get: async (viewer, userId) => {
      if (!(await canSee(viewer, userId))) throw errors.forbidden('You share no room with that user')
      const user = states.get(userId)
      return user === undefined ? { presence: 'offline' } : presenceContent(user, clock.now())
    },
    news,
    hook: async (tx, batch) => {
      if (!enabled) return
      await joined.hook(tx, batch)
      await hook(tx, batch)
    },
    acted: async (tx, { userId }) => tx.afterCommit(() => states.acted(userId)),
    deviceRemoved: async (tx, { userId, deviceId }) => tx.afterCommit(() => states.removeDevice(userId, deviceId)),
    userDeactivated: async (tx, { userId }) => tx.afterCommit(() => states.clear(userId)),
    part: {
      name: 'presence',
      start: async () => {
        if (enabled) await states.load()
      },
      stop: async () => {
        waker.stop()
        await states.stop()
      },
    },
  }
}
