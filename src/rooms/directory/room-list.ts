import type { Database, Reader } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import { createYielder } from '../../util/async.ts'
import type { RoomView } from '../room-view.ts'
import { listMembers } from '../store-members.ts'
import { getRoom, getRoomByNid } from '../store-rooms.ts'
import type { Room } from '../types.ts'
import { type ListedRoom, type RoomFacts, readFacts, readListed } from './room-facts.ts'
import { countRoom, listRoomCounts } from './store-room-list.ts'

export type RoomOrder =
  | 'name'
  | 'canonical_alias'
  | 'joined_members'
  | 'joined_local_members'
  | 'version'
  | 'state_events'

export interface RoomListRequest {
  readonly search?: string | undefined
  readonly order: RoomOrder
  readonly descending: boolean
  readonly offset: number
  readonly limit: number
}

/** Rooms as administrators look at them, whoever is in them. */
export interface RoomList {
  list(request: RoomListRequest): Promise<{ rooms: RoomFacts[]; total: number }>
  /** Throws `404 M_NOT_FOUND`. */
  get(roomId: string): Promise<RoomFacts>
  /** The ids of all who are joined. Throws `404 M_NOT_FOUND`. */
  members(roomId: string): Promise<string[]>
}

/** Rooms that are looked into in one snapshot: others get to read in between. */
const pageSize = 100

export function createRoomList({ db, view }: { db: Database; view: RoomView }): RoomList {
  /** All of them, as names are in events, which no database sorts. */
  async function listAll(): Promise<ListedRoom[]> {
    const all: ListedRoom[] = []
    const pause = createYielder()
    const readPage = (after: number) =>
      db.read(async (reader) => {
        const page = await listRoomCounts(reader, after, pageSize)
        for (const counts of page) {
          await pause()
          const room = await getRoomByNid(reader, counts.roomNid)
          if (room?.stateNid !== undefined) all.push(await readListed(view, reader, room, counts))
        }
        return page.at(-1)?.roomNid
      })
    for (let last = await readPage(0); last !== undefined; ) last = await readPage(last)
    return all
  }

  function describe(listed: readonly ListedRoom[]): Promise<RoomFacts[]> {
    return db.read(async (reader) => {
      const described: RoomFacts[] = []
      const pause = createYielder()
      for (const counts of listed) {
        await pause()
        const room = await getRoomByNid(reader, counts.roomNid)
        if (room !== undefined) described.push(await readFacts(view, reader, room, counts))
      }
      return described
    })
  }

  async function requireRoom(reader: Reader, roomId: string): Promise<Room> {
    const room = await getRoom(reader, roomId)
    // Of some rooms nothing is here but that people were invited to them, or have left them.
    if (room?.stateNid === undefined) throw errors.notFound('This server does not know that room')
    return room
  }

  return {
    list: async ({ search, order, descending, offset, limit }) => {
      const listed = (await listAll()).filter((room) => matches(room, search))
      listed.sort(comparator(order))
      if (descending) listed.reverse()
      return { rooms: await describe(listed.slice(offset, offset + limit)), total: listed.length }
    },
    get: (roomId) =>
      db.read(async (reader) => {
        const room = await requireRoom(reader, roomId)
        return readFacts(view, reader, room, await countRoom(reader, room.nid))
      }),
    members: (roomId) =>
      db.read(async (reader) => {
        const room = await requireRoom(reader, roomId)
        return (await listMembers(reader, room.nid, 'join')).map((member) => member.user_id)
      }),
  }
}

function matches({ roomId, name, canonicalAlias }: ListedRoom, search = ''): boolean {
  const wanted = search.toLowerCase()
  return roomId === search || [name, canonicalAlias].some((text) => (text ?? '').toLowerCase().includes(wanted))
}

/** Texts go up, numbers down: the largest rooms come first, as tools expect. Rooms without a name come last. */
function comparator(order: RoomOrder): (a: ListedRoom, b: ListedRoom) => number {
  switch (order) {
    case 'joined_members':
      return (a, b) => b.joined - a.joined
    case 'joined_local_members':
      return (a, b) => b.joinedLocal - a.joinedLocal
    case 'state_events':
      return (a, b) => b.stateEvents - a.stateEvents
    case 'version':
      return (a, b) => Number(b.version) - Number(a.version)
    case 'canonical_alias':
      return (a, b) => compareTexts(a.canonicalAlias, b.canonicalAlias)
    case 'name':
      return (a, b) => compareTexts(a.name ?? a.canonicalAlias, b.name ?? b.canonicalAlias)
  }
}

function compareTexts(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1
  return a.toLowerCase().localeCompare(b.toLowerCase())
}
