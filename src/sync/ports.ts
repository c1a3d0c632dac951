import type { Database, Reader } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { UserId } from '../matrix/ids.ts'
import type { RoomReads } from '../rooms/reads.ts'
import type { Clock } from '../util/clock.ts'

export interface Count {
  readonly notificationCount: number
  readonly highlightCount: number
}

export interface AccountDataItem {
  /** Undefined: of the whole account. */
  readonly roomId: string | undefined
  readonly type: string
  readonly content: JsonObject
}

/** What a sync needs of the other features, each inside the snapshot of the sync. */
export interface SyncPorts {
  readonly db: Database
  readonly streams: Streams
  readonly clock: Clock
  readonly reads: RoomReads
  readonly accountData: {
    /** All that is set, of the account and of its rooms. */
    list(reader: Reader, userId: UserId): Promise<readonly AccountDataItem[]>
    /** What changed after one position up to another. */
    listChanges(reader: Reader, userId: UserId, after: number, upTo: number): Promise<readonly AccountDataItem[]>
    ignoredUsers(reader: Reader, userId: UserId): Promise<ReadonlySet<string>>
  }
  readonly ephemeral: {
    /** The `m.typing` content of rooms in which it changed after `since`. */
    typing(roomId: string): readonly string[]
    typingChangedSince(since: number): readonly string[]
    typingCounter(): number
    /** An `m.receipt` content with what the user may see in `(after, upTo]`, or undefined when there is nothing. */
    receipts(
      reader: Reader,
      userId: UserId,
      roomNid: number,
      range: { after: number | undefined; upTo: number },
    ): Promise<JsonObject | undefined>
  }
  readonly localJoined: (reader: Reader, roomId: string) => Promise<ReadonlySet<string>>
  readonly push: {
    counts(reader: Reader, userId: UserId, roomNid: number): Promise<Count>
    countsByThread(
      reader: Reader,
      userId: UserId,
      roomNid: number,
    ): Promise<{ main: Count; threads: Readonly<Record<string, Count>> }>
  }
  readonly e2ee: {
    deviceLists(
      reader: Reader,
      userId: UserId,
      since: number,
      to: number,
    ): Promise<{ changed: string[]; left: string[] }>
    oneTimeKeyCounts(reader: Reader, userId: UserId, deviceId: string): Promise<Record<string, number>>
    unusedFallbackKeyTypes(reader: Reader, userId: UserId, deviceId: string): Promise<string[]>
    /** Messages after `since` up to `to`, oldest first, with the position of the last; at most `limit`. */
    listToDevice(
      reader: Reader,
      userId: UserId,
      deviceId: string,
      range: { since: number; to: number; limit: number },
    ): Promise<{ events: JsonObject[]; upTo: number | undefined; more: boolean }>
    acknowledgeToDevice(userId: UserId, deviceId: string, upTo: number): Promise<void>
  }
}
