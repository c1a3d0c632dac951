import type { Reader } from '../db/database.ts'
import type { JsonObject } from '../matrix/event.ts'
import { type EventFilter, matchesFilter, matchesRoom, type RoomEventFilter } from '../matrix/event-filter.ts'
import type { UserId } from '../matrix/ids.ts'
import type { SyncPorts } from './ports.ts'
import type { Window } from './types.ts'

/** The account data that one answer speaks of. */
export interface AccountDataView {
  readonly global: readonly JsonObject[]
  /** Ids of the rooms with news; empty for an initial sync, which looks at every room anyway. */
  readonly rooms: ReadonlySet<string>
  /** What is new for a room, or all there is where the client begins anew with it. */
  ofRoom(roomId: string, isFresh: boolean): Promise<readonly JsonObject[]>
}

const none: ReadonlySet<string> = new Set()

export async function readAccountData(
  { accountData, userNews }: SyncPorts,
  reader: Reader,
  userId: UserId,
  { since, to }: Window,
): Promise<AccountDataView> {
  if (since !== undefined && userNews.isQuiet(userId, since, to)) {
    const ofFreshRoom = (roomId: string) => accountData.list(reader, userId, roomId, undefined)
    return { global: [], rooms: none, ofRoom: async (roomId, isFresh) => (isFresh ? ofFreshRoom(roomId) : []) }
  }
  const rooms = new Set(since === undefined ? [] : await accountData.changedRooms(reader, userId, since))
  return {
    global: await accountData.list(reader, userId, undefined, since),
    rooms,
    ofRoom: async (roomId, isFresh) => {
      if (isFresh) return accountData.list(reader, userId, roomId, undefined)
      return rooms.has(roomId) ? accountData.list(reader, userId, roomId, since) : []
    },
  }
}

/** Events without a sender, such as account data, that a filter lets through. */
export function filterByType(filter: EventFilter | undefined, events: readonly JsonObject[]): JsonObject[] {
  return events.filter(({ type }) => matchesFilter(filter, { type: String(type), content: {} }))
}

/** The same for a room, which the filter may leave out. */
export function filterForRoom(
  filter: RoomEventFilter | undefined,
  roomId: string,
  events: readonly JsonObject[],
): JsonObject[] {
  return matchesRoom(filter, roomId) ? filterByType(filter, events) : []
}
