import type { Database } from '../../../db/database.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { type ServerName, serverOf, type UserId } from '../../../matrix/ids.ts'
import type { PresenceNews } from '../../../rooms/presence/news.ts'
import { createYielder } from '../../../util/async.ts'
import type { TimerClock } from '../../../util/clock.ts'
import type { Log } from '../../../util/log.ts'
import { listServersAround } from '../rooms/store-room-servers.ts'
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
  readonly pending: PendingEdus
  wake(destinations: Iterable<string>): void
}

const interval = 1_000
const lifetime = 60_000
/** Other servers take a user for gone of whom they have heard nothing for half an hour. */
const repeatAfter = 25 * 60_000

export function createPresenceSender(deps: Deps): PresenceSender {
  const { serverName, db, clock, log, news, pending, wake } = deps
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
    const servers = await db.read((reader) => listServersAround(reader, userId))
    const update = { user_id: userId, last_active_ago: 0, ...content }
    const edu = { type: 'm.presence', content: { push: [update] }, until: clock.now() + lifetime }
    for (const server of servers) pending.put(server, `presence ${userId}`, edu)
    wake(servers)
  }

  async function look(): Promise<void> {
    const changed = new Set([...(news.changedUsers(since) ?? []), ...listDue()])
    since = news.counter()
    const pause = createYielder()
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
