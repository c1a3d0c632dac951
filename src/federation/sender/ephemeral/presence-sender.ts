import type { Database } from '../../../db/database.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { type ServerName, serverOf, type UserId } from '../../../matrix/ids.ts'
import type { PresenceNews } from '../../../rooms/presence/news.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import { createYielder } from '../../../util/async.ts'
import type { TimerClock } from '../../../util/clock.ts'
import type { Log } from '../../../util/log.ts'
import { hasMoreServers, isInRoom, listServersAround } from '../rooms/store-room-servers.ts'
import type { PendingEdus } from './pending-edus.ts'

/** Tells other servers who of our users is there. */
export interface PresenceSender {
  start(): void
  stop(): Promise<void>
  /** Sends what is being gathered. */
  flush(): Promise<void>
}

interface Deps {
  readonly serverName: ServerName
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly news: PresenceNews
  readonly rooms: Pick<Rooms, 'reads' | 'localMembers'>
  readonly pending: PendingEdus
  wake(destinations: Iterable<string>): void
}

const interval = 1_000
const lifetime = 60_000
/** Other servers take a user for gone of whom they have heard nothing for half an hour. */
const repeatAfter = 25 * 60_000

/** In rooms of more other servers each change would cost too many requests. */
const mostServers = 30
/** Of so many people in a room a server is told that comes in. */
const mostPeople = 100

export function createPresenceSender(deps: Deps): PresenceSender {
  const { serverName, db, clock, log, news, rooms, pending, wake } = deps
  let since = news.counter()
  let cancel: (() => void) | undefined
  /** When others were told last of those who are there, the longest ago first. */
  const told = new Map<UserId, number>()
  let working = Promise.resolve()

  function* listDue(): Generator<UserId> {
    for (const [userId, time] of told) {
      if (time > clock.now() - repeatAfter) return
      yield userId
    }
  }

  async function tell(userId: UserId, content: JsonObject): Promise<void> {
    told.delete(userId)
    if (content.presence !== 'offline') told.set(userId, clock.now())
    put(await db.read((reader) => listServersAround(reader, userId, mostServers)), userId, content)
  }

  function put(servers: readonly string[], userId: UserId, content: JsonObject): void {
    const update = { user_id: userId, last_active_ago: 0, ...content }
    const edu = { type: 'm.presence', content: { push: [update] }, until: clock.now() + lifetime }
    for (const server of servers) pending.put(server, `presence ${userId}`, edu)
    wake(servers)
  }

  /** The server of somebody who comes into a room learns who is there of those whom it meets by that. */
  async function welcome(server: ServerName, roomId: string): Promise<void> {
    const isMet = await db.read(async (reader) => {
      const room = await rooms.reads.roomById(reader, roomId)
      if (room === undefined || !(await isInRoom(reader, room.nid, server))) return false
      return !(await hasMoreServers(reader, room.nid, mostServers))
    })
    if (!isMet) return
    for (const userId of [...(await rooms.localMembers.of(roomId))].slice(0, mostPeople)) {
      const event = news.event(userId)
      if (event !== undefined && event.content.presence !== 'offline') put([server], userId, event.content)
    }
  }

  async function look(): Promise<void> {
    const changed = new Set([...(news.changedUsers(since) ?? []), ...listDue()])
    const arrivals = news.arrivals(since)
    since = news.counter()
    const pause = createYielder()
    for (const { userId, roomId } of arrivals) {
      await pause()
      if (serverOf(userId) !== serverName) await welcome(serverOf(userId), roomId)
    }
    for (const userId of changed) {
      await pause()
      const event = serverOf(userId) === serverName ? news.event(userId) : undefined
      if (event === undefined) told.delete(userId)
      else await tell(userId, event.content)
    }
  }

  function flush(): Promise<void> {
    working = working
      .then(look)
      .catch((error: unknown) => log.warn({ err: error }, 'other servers were not told who is there'))
    return working
  }

  function tick(): void {
    cancel = clock.after(interval, tick)
    if (news.counter() !== since || !listDue().next().done) void flush()
  }

  return {
    start: tick,
    stop: async () => {
      cancel?.()
      await working
    },
    flush,
  }
}
