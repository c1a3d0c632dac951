import type { Reader, Tx } from '../db/database.ts'
import { LruMap } from '../util/lru.ts'
import type { EventCache } from './event-cache.ts'
import { createGapMemory, type IsAfterGap } from './history/gaps.ts'
import type { States } from './states.ts'
import { getStateNidAt, listTimeline, type TimelineRange } from './store-events.ts'
import { countMembers } from './store-members.ts'
import { getRoomByNid } from './store-rooms.ts'
import { listActiveRooms, listRoomsWithReceipts } from './store-sync.ts'
import type { PersistHook, Room, StateNids, StoredEvent } from './types.ts'

const capacity = 5_000

/**
 * What everybody in a room asks when one message wakes them: the same room, window and states. All of it is of the past,
 * which a stream position names and nothing changes but history that is fetched later; the content of events has its own cache.
 */
export interface RecentReads {
  /** Forgets what history that is fetched later has changed. */
  readonly hook: PersistHook
  /** The past of a room has changed, from the commit on. */
  forgetPast(tx: Tx, roomNid: number): void
  /** The room as a snapshot at position `at` has it. */
  room(reader: Reader, nid: number, at: number): Promise<Room | undefined>
  /** Rooms of the whole server with events in `(since, at]`, at most `limit`. */
  activeRooms(reader: Reader, since: number, at: number, limit: number): Promise<readonly number[]>
  roomsWithReceipts(reader: Reader, since: number, at: number, limit: number): Promise<readonly number[]>
  /** The newest events of a window, newest first. */
  timeline(reader: Reader, range: TimelineRange): Promise<StoredEvent[]>
  stateNidAt(reader: Reader, roomNid: number, pos: number): Promise<number | undefined>
  readonly isAfterGap: IsAfterGap
  /** Numbers of the state keys and events in which the second state differs from the first; event number 0: removed. */
  stateChanges(reader: Reader, before: number, after: number): Promise<readonly (readonly [number, number])[]>
  /** Members of the room as its present state has them. */
  memberCounts(reader: Reader, room: Room): Promise<{ joined: number; invited: number }>
}

export function createRecentReads(events: EventCache, loadState: States['load']): RecentReads {
  const rooms = new LruMap<string, Room | undefined>(capacity)
  /** How often the past of a room was added to since the start. */
  const fillings = new Map<number, number>()
  const lists = new LruMap<string, readonly number[]>(capacity, (list) => 1 + list.length / 100)
  const pages = new LruMap<string, readonly number[]>(capacity, (list) => 1 + list.length / 10)
  const states = new LruMap<string, number | undefined>(capacity)
  const changes = new LruMap<string, readonly (readonly [number, number])[]>(capacity, (list) => 1 + list.length / 10)
  const counts = new LruMap<string, { joined: number; invited: number }>(capacity)

  async function remember<V>(cache: LruMap<string, V>, key: string, load: () => Promise<V>): Promise<V> {
    if (cache.has(key)) return cache.get(key) as V
    const value = await load()
    cache.set(key, value)
    return value
  }

  const forgetPast = (tx: Tx, roomNid: number) =>
    tx.afterCommit(() => fillings.set(roomNid, (fillings.get(roomNid) ?? 0) + 1))

  return {
    hook: async (tx, { room, history, isCompletion }) => {
      if (history.length > 0 || isCompletion) forgetPast(tx, room.nid)
    },
    forgetPast,
    room: (reader, nid, at) => remember(rooms, `${nid} ${at}`, () => getRoomByNid(reader, nid)),
    activeRooms: (reader, since, at, limit) =>
      remember(lists, `events ${since} ${at} ${limit}`, () => listActiveRooms(reader, since, limit)),
    roomsWithReceipts: (reader, since, at, limit) =>
      remember(lists, `receipts ${since} ${at} ${limit}`, () => listRoomsWithReceipts(reader, since, limit)),
    timeline: async (reader, range) => {
      const key = `${range.roomNid} ${fillings.get(range.roomNid) ?? 0} ${range.after} ${range.upTo} ${range.limit}`
      const known = pages.get(key)
      if (known !== undefined) {
        const found = await events.list(reader, known)
        return known.flatMap((nid) => found.get(nid) ?? [])
      }
      const page = await listTimeline(reader, 'b', range)
      for (const event of page) events.remember(event)
      pages.set(
        key,
        page.map((event) => event.nid),
      )
      return page
    },
    stateNidAt: (reader, roomNid, pos) =>
      remember(states, `${roomNid} ${fillings.get(roomNid) ?? 0} ${pos}`, () => getStateNidAt(reader, roomNid, pos)),
    isAfterGap: createGapMemory(),
    stateChanges: async (reader, before, after) => {
      if (before === after) return []
      return remember(changes, `${before} ${after}`, async () =>
        differences(await loadState(reader, before), await loadState(reader, after)),
      )
    },
    memberCounts: (reader, room) =>
      remember(counts, `${room.nid} ${room.stateNid}`, () => countMembers(reader, room.nid)),
  }
}

function differences(before: StateNids, after: StateNids): (readonly [number, number])[] {
  const changes: (readonly [number, number])[] = []
  for (const [key, nid] of after) if (before.get(key) !== nid) changes.push([key, nid])
  for (const key of before.keys()) if (!after.has(key)) changes.push([key, 0])
  return changes
}
