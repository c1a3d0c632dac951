import type { Reader } from '../../db/database.ts'
import { historyVisibilityOf, predecessorOf } from '../../matrix/content.ts'
import type { UserId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import { getLastStay } from '../last-stay.ts'
import type { RoomView } from '../room-view.ts'
import { getMembership } from '../store-members.ts'
import { getRoom, getRoomByNid } from '../store-rooms.ts'
import type { Room } from '../types.ts'
import { listRoomsOfUser, listVisibilityEvents } from './store-search.ts'

/** A room that a user may search. */
export interface SearchableRoom {
  readonly room: Room
  /** The newest stream position that counts: for somebody who left, that of the leave event. */
  readonly upTo: number
  /** The state that the user may read. */
  readonly stateNid: number | undefined
  readonly isIn: boolean
  /** Whether the user may see everything up to there, so that no single event has to be asked about. */
  readonly isOpen: boolean
}

/** The rooms of one search. */
export interface SearchableRooms {
  /** How many there may be; undefined where there are more than a look-up in the index should name. */
  readonly size: number | undefined
  /** All of them, unless there are too many. */
  list(): Promise<readonly SearchableRoom[]>
  /** Undefined for rooms that are not searched. */
  get(roomNid: number): Promise<SearchableRoom | undefined>
}

export interface RoomChoice {
  /** Undefined: all rooms of the user. */
  readonly rooms?: readonly string[] | undefined
  readonly not_rooms?: readonly string[] | undefined
  /** Of these only the one. */
  readonly only?: string
}

const maxNamed = 100
const maxUpgrades = 20
const maxVisibilityEvents = 50

/** Rooms where the user is or was, but not those that are encrypted now: https://spec.matrix.org/v1.19/client-server-api/#server-side-search */
export async function searchableRooms(
  view: RoomView,
  reader: Reader,
  userId: UserId,
  choice: RoomChoice,
): Promise<SearchableRooms> {
  const known = new Map<number, SearchableRoom | undefined>()
  const excluded = new Set(choice.not_rooms)

  async function look(room: Room): Promise<SearchableRoom | undefined> {
    if (excluded.has(room.roomId) || (choice.only !== undefined && choice.only !== room.roomId)) return undefined
    const row = await getMembership(reader, room.nid, userId)
    if (row === undefined || row.forgotten === 1) return undefined
    const isIn = row.membership === 'join'
    if (!isIn && row.membership !== 'leave' && row.membership !== 'ban') return undefined
    const ended = isIn ? undefined : (await getLastStay(reader, room.nid, userId))?.ended
    if (!isIn && ended?.streamPos === undefined) return undefined
    const stateNid = ended === undefined ? room.stateNid : ended.stateNid
    if ((await view.entry(reader, stateNid, 'm.room.encryption', '')) !== undefined) return undefined
    return { room, upTo: ended?.streamPos ?? room.lastPos, stateNid, isIn, isOpen: await isOpen(reader, room) }
  }

  async function get(roomNid: number): Promise<SearchableRoom | undefined> {
    if (known.has(roomNid)) return known.get(roomNid)
    const room = await getRoomByNid(reader, roomNid)
    const found = room && (await look(room))
    known.set(roomNid, found)
    return found
  }

  /** Whoever searches a room also means those that it has replaced. */
  async function withPredecessors(roomIds: readonly string[]): Promise<Set<number>> {
    const nids = new Set<number>()
    const pause = createYielder()
    for (const roomId of new Set(roomIds)) {
      let room = await getRoom(reader, roomId)
      for (let i = 0; room !== undefined && i <= maxUpgrades && !nids.has(room.nid); i += 1) {
        await pause()
        nids.add(room.nid)
        const create = await view.entry(reader, room.stateNid, 'm.room.create', '')
        const before = predecessorOf(create?.pdu)
        room = before === undefined ? undefined : await getRoom(reader, before)
      }
    }
    return nids
  }

  const chosen = choice.rooms && (await withPredecessors(choice.rooms))
  const isChosen = (nid: number) => chosen === undefined || chosen.has(nid)

  async function candidates(): Promise<number[]> {
    if (choice.only === undefined) {
      return chosen === undefined ? listRoomsOfUser(reader, userId, maxNamed + 1) : [...chosen]
    }
    const only = await getRoom(reader, choice.only)
    return only !== undefined && isChosen(only.nid) ? [only.nid] : []
  }

  const nids = await candidates()

  return {
    size: nids.length > maxNamed ? undefined : nids.length,
    list: async () => {
      const rooms: SearchableRoom[] = []
      for (const nid of nids) {
        const room = await get(nid)
        if (room !== undefined) rooms.push(room)
      }
      return rooms
    },
    get: async (nid) => (isChosen(nid) ? get(nid) : undefined),
  }
}

/** Whether nobody's view of the room's history ever depended on when they were in, as long as they were. */
async function isOpen(reader: Reader, room: Room): Promise<boolean> {
  const events = await listVisibilityEvents(reader, room.nid)
  if (events.length >= maxVisibilityEvents) return false
  return events.every((event) => ['shared', 'world_readable'].includes(historyVisibilityOf(event)))
}
