import type { Database } from '../../../db/database.ts'
import type { Streams } from '../../../db/streams.ts'
import { type ServerName, serverOf, type UserId } from '../../../matrix/ids.ts'
import type { Typing } from '../../../rooms/ephemeral/typing.ts'
import type { RoomReads } from '../../../rooms/reads.ts'
import type { TimerClock } from '../../../util/clock.ts'
import type { Log } from '../../../util/log.ts'
import { listRoomServers } from '../rooms/store-room-servers.ts'
import type { PendingEdus } from './pending-edus.ts'

/** Tells other servers which of our users are typing. */
export interface TypingNews {
  start(): void
  stop(): Promise<void>
  idle(): Promise<void>
}

interface Deps {
  readonly serverName: ServerName
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly streams: Pick<Streams, 'subscribe'>
  readonly typing: Typing
  readonly reads: Pick<RoomReads, 'roomById'>
  readonly pending: PendingEdus
  wake(destinations: Iterable<string>): void
}

/** Servers forget who types after about a minute. */
const repeatEvery = 40_000
const lifetime = 20_000

export function createTypingNews(deps: Deps): TypingNews {
  const { serverName, db, clock, log, streams, typing, reads, pending, wake } = deps
  /** Our users of whom others have been told that they type, by room. */
  const told = new Map<string, Set<UserId>>()
  let since = typing.counter()
  let working = Promise.resolve()
  let cancelRepeat: (() => void) | undefined
  let unsubscribe: (() => void) | undefined

  async function tell(roomId: string, changes: ReadonlyMap<UserId, boolean>): Promise<void> {
    const servers = await db.read(async (reader) => {
      const room = await reads.roomById(reader, roomId)
      return room === undefined ? [] : listRoomServers(reader, room.nid)
    })
    const names = servers.flatMap(({ server, denied }) => (denied === 0 ? [server] : []))
    for (const [userId, isTyping] of changes) {
      const content = { room_id: roomId, user_id: userId, typing: isTyping }
      const edu = { type: 'm.typing', content, until: clock.now() + lifetime }
      for (const server of names) pending.put(server, `typing ${roomId} ${userId}`, edu)
    }
    wake(names)
  }

  function queue(roomId: string, changes: ReadonlyMap<UserId, boolean>): void {
    if (changes.size === 0) return
    working = working
      .then(() => tell(roomId, changes))
      .catch((error: unknown) => log.warn({ err: error }, 'other servers were not told who types'))
  }

  function look(): void {
    if (typing.counter() === since) return
    const rooms = typing.changedSince(since)
    since = typing.counter()
    for (const roomId of rooms) {
      const before = told.get(roomId) ?? new Set()
      const now = new Set(typing.users(roomId).filter((userId) => serverOf(userId) === serverName))
      if (now.size > 0) told.set(roomId, now)
      else told.delete(roomId)
      const began = [...now].filter((userId) => !before.has(userId)).map((userId) => [userId, true] as const)
      const ended = [...before].filter((userId) => !now.has(userId)).map((userId) => [userId, false] as const)
      queue(roomId, new Map([...began, ...ended]))
    }
    if (told.size > 0) cancelRepeat ??= clock.after(repeatEvery, repeat)
  }

  function repeat(): void {
    cancelRepeat = undefined
    for (const [roomId, users] of told) queue(roomId, new Map([...users].map((userId) => [userId, true])))
    if (told.size > 0) cancelRepeat = clock.after(repeatEvery, repeat)
  }

  return {
    start: () => {
      unsubscribe = streams.subscribe(look)
    },
    stop: async () => {
      unsubscribe?.()
      cancelRepeat?.()
      await working
    },
    idle: () => working,
  }
}
