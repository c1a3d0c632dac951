import type { Database } from '../../db/database.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { type ChangeLog, createChangeLog } from './change-log.ts'
import { createPresenceKeeper } from './keeper.ts'
import {
  beginRequest,
  dropDevices,
  holdState,
  newUserPresence,
  noteAction,
  type PresenceState,
  presenceOf,
  receiveState,
  setState,
  type ToldState,
  type UserPresence,
} from './user-presence.ts'

/** A change of a user's state, or, with a room, their coming into it. */
export interface PresenceChange {
  readonly userId: UserId
  readonly roomId?: string
}

/** Who is known, and what has changed. */
export interface PresenceStates {
  readonly log: ChangeLog<PresenceChange>
  get(userId: string): UserPresence | undefined
  all(): Iterable<UserPresence>
  connect(userId: UserId, deviceId: string, wanted: PresenceState): () => void
  set(userId: UserId, deviceId: string, wanted: PresenceState, statusMsg: string | undefined): void
  receive(userId: UserId, told: ToldState, statusMsg: string | undefined): void
  acted(userId: string): void
  removeDevice(userId: string, deviceId: string): void
  clear(userId: string): void
  load(): Promise<void>
  stop(): Promise<void>
}

/** How often idle and lost clients are looked for, in ms, while anybody is there. */
const tick = 5_000
/** Beyond this many users those who are gone are forgotten, the longest gone first. */
const maxUsers = 50_000
/** How far clients may lag behind before their answer looks at everybody. */
const maxLog = 10_000
/** How long clients have to come back after a restart, in ms. */
const returnTime = 60_000

interface Deps {
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly onChange: (userId: string) => void
}

export function createPresenceStates({ db, clock, log: logger, onChange }: Deps): PresenceStates {
  const log = createChangeLog<PresenceChange>(clock.now(), maxLog)
  /** In the order of their last change. */
  const users = new Map<string, UserPresence>()
  const connected = new Set<UserPresence>()
  let cancelTick: (() => void) | undefined
  const keeper = createPresenceKeeper({ db, clock, log: logger }, (userId) => {
    const user = users.get(userId)
    return (
      user && {
        user_id: user.userId,
        state: user.shown,
        status_msg: user.statusMsg ?? null,
        last_active_ts: user.lastActive ?? null,
        changed_at: user.changedAt,
      }
    )
  })

  function userOf(userId: UserId): UserPresence {
    const user = users.get(userId) ?? newUserPresence(userId)
    users.set(userId, user)
    return user
  }

  function prune(): void {
    if (users.size <= maxUsers) return
    for (const [userId, user] of users) {
      if (user.devices.size > 0) continue
      users.delete(userId)
      return
    }
  }

  function publish(user: UserPresence): void {
    user.changedAt = log.push({ userId: user.userId })
    users.delete(user.userId)
    users.set(user.userId, user)
    prune()
    keeper.changed(user.userId)
    onChange(user.userId)
  }

  /** Tells others where the state has become another. */
  function settle(user: UserPresence, isNew = false): void {
    if (user.devices.size > 0) connected.add(user)
    else connected.delete(user)
    if (connected.size > 0) cancelTick ??= clock.after(tick, lookForTheIdle)
    const state = presenceOf(user, clock.now())
    if (state === user.shown && !isNew) return
    user.shown = state
    publish(user)
  }

  function lookForTheIdle(): void {
    cancelTick = undefined
    const now = clock.now()
    for (const user of [...connected]) {
      dropDevices(user, now)
      settle(user)
    }
  }

  return {
    log,
    get: (userId) => users.get(userId),
    all: () => users.values(),
    connect: (userId, deviceId, wanted) => {
      // Who hides from the start leaves no trace.
      if (wanted === 'offline' && users.get(userId)?.devices.has(deviceId) !== true) return () => {}
      const user = userOf(userId)
      const end = beginRequest(user, deviceId, wanted, clock.now())
      settle(user)
      return () => end(clock.now())
    },
    set: (userId, deviceId, wanted, statusMsg) => {
      const user = userOf(userId)
      setState(user, deviceId, wanted, clock.now())
      const isNew = statusMsg !== user.statusMsg
      user.statusMsg = statusMsg
      settle(user, isNew)
    },
    receive: (userId, told, statusMsg) => {
      const user = userOf(userId)
      const isNew = statusMsg !== user.statusMsg || told.isActive !== (user.isActive ?? false)
      receiveState(user, told, clock.now())
      user.statusMsg = statusMsg
      settle(user, isNew)
    },
    acted: (userId) => {
      const user = users.get(userId)
      if (user === undefined || user.shown === 'offline') return
      noteAction(user, clock.now())
      settle(user)
    },
    removeDevice: (userId, deviceId) => {
      const user = users.get(userId)
      if (user?.devices.delete(deviceId)) settle(user)
    },
    clear: (userId) => {
      const user = users.get(userId)
      if (user === undefined) return
      user.devices.clear()
      const hadMessage = user.statusMsg !== undefined
      user.statusMsg = undefined
      settle(user, hadMessage)
    },
    load: async () => {
      const now = clock.now()
      for (const row of await keeper.load(maxUsers)) {
        // Only ids of users who were there have been stored, and states that they had.
        const user = userOf(row.user_id as UserId)
        user.statusMsg = row.status_msg ?? undefined
        user.lastActive = row.last_active_ts ?? undefined
        user.changedAt = row.changed_at
        holdState(user, row.state as PresenceState, now, now + returnTime)
        settle(user)
      }
    },
    stop: async () => {
      cancelTick?.()
      await keeper.flush()
    },
  }
}

/** The content of an `m.presence` event. */
export function presenceContent(user: UserPresence, now: number): JsonObject {
  return {
    presence: user.shown,
    ...(user.lastActive !== undefined && { last_active_ago: Math.max(now - user.lastActive, 0) }),
    ...(user.shown !== 'offline' && { currently_active: user.shown === 'online' && user.isActive !== false }),
    ...(user.statusMsg !== undefined && { status_msg: user.statusMsg }),
  }
}
