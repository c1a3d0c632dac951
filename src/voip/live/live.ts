import type { Database, Tx } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import type { Authenticate } from '../../http/auth.ts'
import type { RateLimiter } from '../../http/rate-limit.ts'
import type { UserId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import type { TimerClock } from '../../util/clock.ts'
import { createPublishLive, type PublishLive } from './frames.ts'
import { createLiveSockets, type LiveSockets } from './sockets.ts'
import { deleteLiveEventsOf, listOutdated, pruneLiveEvents } from './store-live.ts'

/** What happens to a user's calls and notes, told at once to whoever holds a socket open. */
export interface Live {
  readonly publish: PublishLive
  readonly sockets: LiveSockets
  /** Deletes what is older than a week. */
  expire(): Promise<void>
  userDeactivated(tx: Tx, account: { userId: UserId }): Promise<void>
}

export interface LiveDeps {
  readonly db: Database
  readonly streams: Streams
  readonly clock: TimerClock
  readonly limiter: RateLimiter
  readonly authenticate: Authenticate
}

const lifetime = 7 * 86_400_000
const page = 100

export function createLive(deps: LiveDeps): Live {
  const { db, clock } = deps
  return {
    publish: createPublishLive(deps),
    sockets: createLiveSockets(deps),
    expire: async () => {
      const pause = createYielder()
      const before = clock.now() - lifetime
      for (let left = page; left === page; await pause()) {
        left = await db.write('expire live events', async (tx) => {
          const outdated = await listOutdated(tx, before, page)
          for (const { user_id, stream_pos } of outdated) await pruneLiveEvents(tx, user_id, stream_pos)
          return outdated.length
        })
      }
    },
    userDeactivated: (tx, { userId }) => deleteLiveEventsOf(tx, userId),
  }
}
