import type { AccountData } from '../../accounts/account-data.ts'
import type { Database } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import type { PresenceNews } from '../../rooms/presence/news.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { Timeline } from '../../rooms/timeline.ts'
import type { Clock } from '../../util/clock.ts'
import type { Waiters } from '../waiters.ts'

export interface OldSyncPorts {
  readonly db: Database
  readonly streams: Streams
  readonly clock: Clock
  readonly reads: RoomReads
  readonly timeline: Pick<Timeline, 'event'>
  readonly accountData: Pick<AccountData, 'list' | 'ignoredUsers' | 'inviteSettings'>
  readonly presence: Pick<PresenceNews, 'list'>
  /** Those who wait for anything that concerns them. */
  readonly waiters: Waiters
}
