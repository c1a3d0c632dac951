import type { Streams } from '../../db/streams.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { TimerClock } from '../../util/clock.ts'
import { type PersistHook, removedMembers } from '../types.ts'

/**
 * Who is typing, in memory only. Each change of a room's list gets the next number of a counter, which stands in sync
 * tokens; it starts at the time of day, so that tokens from before a restart are behind it.
 */
export interface Typing {
  /** The users who are typing in a room now, in the order in which they began. */
  users(roomId: string): readonly UserId[]
  /** The rooms whose list changed after this number. */
  changedSince(counter: number): string[]
  counter(): number
  /** Whether a token of this number is from before the start: then lists that have been seen may be gone. */
  isFromBefore(counter: number): boolean
  /** Says that a user is typing for this long, in ms. */
  start(roomId: string, userId: UserId, timeout: number): void
  stop(roomId: string, userId: UserId): void
  /** Who is no member any more does not type. */
  readonly hook: PersistHook
  stopAll(): void
}

interface RoomTyping {
  changedAt: number
  /** How to cancel each user's timeout. */
  readonly users: Map<UserId, () => void>
}

/** Rooms where nobody types are remembered, so that clients that come late learn of the end; this many of them. */
const maxRooms = 10_000
/** Changes that clients may lag behind before their answer takes a look at all rooms. */
const maxLog = 5_000
const maxTimeout = 120_000

export function createTyping({ clock, streams }: { clock: TimerClock; streams: Streams }): Typing {
  const startedAt = clock.now()
  let counter = startedAt
  /** In the order of their last change. */
  const rooms = new Map<string, RoomTyping>()
  /** The room of each of the latest changes: that of number `logStart + 1` first. */
  let log: string[] = []
  let logStart = startedAt

  function changed(roomId: string, room: RoomTyping): void {
    counter += 1
    room.changedAt = counter
    log.push(roomId)
    if (log.length > 2 * maxLog) {
      log = log.slice(-maxLog)
      logStart = counter - maxLog
    }
    rooms.delete(roomId)
    rooms.set(roomId, room)
    prune()
    streams.wake({ rooms: [roomId] })
  }

  function prune(): void {
    if (rooms.size <= maxRooms) return
    for (const [roomId, room] of rooms) {
      if (room.users.size > 0) continue
      rooms.delete(roomId)
      return
    }
  }

  function start(roomId: string, userId: UserId, timeout: number): void {
    const room = rooms.get(roomId) ?? { changedAt: 0, users: new Map() }
    const cancelBefore = room.users.get(userId)
    cancelBefore?.()
    room.users.set(
      userId,
      clock.after(Math.min(timeout, maxTimeout), () => stop(roomId, userId)),
    )
    if (cancelBefore === undefined) changed(roomId, room)
  }

  function stop(roomId: string, userId: UserId): void {
    const room = rooms.get(roomId)
    const cancel = room?.users.get(userId)
    if (room === undefined || cancel === undefined) return
    cancel()
    room.users.delete(userId)
    changed(roomId, room)
  }

  return {
    users: (roomId) => [...(rooms.get(roomId)?.users.keys() ?? [])],
    changedSince: (since) => {
      if (since >= counter) return []
      if (since >= logStart) return [...new Set(log.slice(since - logStart))]
      return [...rooms].flatMap(([roomId, { changedAt }]) => (changedAt > since ? [roomId] : []))
    },
    counter: () => counter,
    isFromBefore: (since) => since < startedAt,
    start,
    stop,
    hook: async (tx, { room, currentChanges, removed }) => {
      const left = currentChanges.filter(({ pdu }) => pdu.type === 'm.room.member' && pdu.content.membership !== 'join')
      const gone = [...left.map(({ pdu }) => pdu.state_key), ...removedMembers(removed)]
      if (gone.length === 0) return
      // The rules have checked that the state key of a member event is a user id.
      tx.afterCommit(() => {
        for (const userId of gone) stop(room.roomId, userId as UserId)
      })
    },
    stopAll: () => {
      for (const { users } of rooms.values()) for (const cancel of users.values()) cancel()
      rooms.clear()
    },
  }
}
