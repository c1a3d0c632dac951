import type { AccountData } from '../accounts/account-data.ts'
import type { Database, Reader } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import type { E2ee } from '../e2ee/e2ee.ts'
import type { UserId } from '../matrix/ids.ts'
import type { LocalMembers } from '../rooms/local-members.ts'
import type { PresenceNews } from '../rooms/presence/news.ts'
import type { RoomReads } from '../rooms/reads.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { Clock } from '../util/clock.ts'
import type { UserNews } from './user-news.ts'

export interface Count {
  readonly notificationCount: number
  readonly highlightCount: number
}

/** What a sync needs of the other features, most of it inside the snapshot of the sync. */
export interface SyncPorts {
  readonly db: Database
  readonly streams: Streams
  readonly clock: Clock
  readonly reads: RoomReads
  readonly localMembers: Pick<LocalMembers, 'of'>
  readonly accountData: Pick<
    AccountData,
    'get' | 'list' | 'changedRooms' | 'ignoredUsers' | 'inviteSettings' | 'ofRooms' | 'lastChange'
  >
  readonly ephemeral: {
    readonly typing: Pick<Rooms['typing'], 'users' | 'changedSince' | 'counter' | 'isFromBefore'>
    readonly receipts: Pick<Rooms['receipts'], 'content' | 'contentOn' | 'listOwn'>
  }
  readonly threadSubscriptions: Pick<Rooms['threadSubscriptions'], 'changes'>
  readonly presence: PresenceNews
  readonly push: {
    counts(reader: Reader, userId: UserId, roomNid: number): Promise<Count>
    countsByThread(
      reader: Reader,
      userId: UserId,
      roomNid: number,
    ): Promise<{ main: Count; threads: Readonly<Record<string, Count>> }>
  }
  readonly userNews: UserNews
  readonly e2ee: Pick<E2ee, 'deviceLists' | 'keyCounts' | 'listToDevice' | 'acknowledgeToDevice'>
}
