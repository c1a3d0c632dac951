import type { Reader } from '../db/database.ts'
import type { JsonObject } from '../matrix/event.ts'
import { type EventFilter, matchesFilter } from '../matrix/event-filter.ts'
import type { UserId } from '../matrix/ids.ts'
import type { AccountDataItem, SyncPorts } from './ports.ts'
import type { Window } from './types.ts'

/** The account data that one answer speaks of, read once for all its rooms. */
export interface AccountDataView {
  readonly global: readonly JsonObject[]
  /** Ids of the rooms with news. */
  readonly rooms: Iterable<string>
  /** What is new for a room, or all there is where the client begins anew with it. */
  ofRoom(roomId: string, isFresh: boolean): Promise<readonly JsonObject[]>
}

export async function readAccountData(
  { accountData }: SyncPorts,
  reader: Reader,
  userId: UserId,
  { since, to }: Window,
): Promise<AccountDataView> {
  const everything = () => accountData.list(reader, userId)
  const items = since === undefined ? await everything() : await accountData.listChanges(reader, userId, since, to)
  const byRoom = groupByRoom(items)
  let all = since === undefined ? byRoom : undefined
  return {
    global: items.filter((item) => item.roomId === undefined).map(toEvent),
    rooms: byRoom.keys(),
    ofRoom: async (roomId, isFresh) => {
      if (!isFresh) return byRoom.get(roomId) ?? []
      all ??= groupByRoom(await everything())
      return all.get(roomId) ?? []
    },
  }
}

const toEvent = ({ type, content }: AccountDataItem): JsonObject => ({ type, content })

function groupByRoom(items: readonly AccountDataItem[]): Map<string, JsonObject[]> {
  const byRoom = new Map<string, JsonObject[]>()
  for (const item of items) {
    if (item.roomId === undefined) continue
    const events = byRoom.get(item.roomId)
    if (events === undefined) byRoom.set(item.roomId, [toEvent(item)])
    else events.push(toEvent(item))
  }
  return byRoom
}

/** Events without a sender, such as account data, that a filter lets through. */
export function filterByType(filter: EventFilter | undefined, events: readonly JsonObject[]): JsonObject[] {
  return events.filter(({ type }) => matchesFilter(filter, { type: String(type), content: {} }))
}
