import type { Reader } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { RoomReads, UserRoomRow } from '../../rooms/reads.ts'
import { createYielder } from '../../util/async.ts'
import { LruMap } from '../../util/lru.ts'
import type { UserNews } from '../user-news.ts'

/** A room as it stands in a user's list. */
export interface ListedRoom {
  readonly nid: number
  readonly roomId: string
  readonly membership: string
  /** Who invited, or brought about whatever the membership is. */
  readonly sender: string
  /** Stream position of the membership. */
  readonly memberPos: number
  /** Stream position of the last that the user may know of. */
  readonly lastPos: number
  /** The room's state when it was last looked at. */
  readonly stateNid: number | undefined
}

/** The rooms of a user as of one stream position; never changed. Those with the latest news come first. */
export interface UserRooms {
  readonly at: number
  readonly byNid: ReadonlyMap<number, ListedRoom>
  /** Rooms that the user is in, is invited to, has knocked at or was put out of. */
  readonly listed: readonly ListedRoom[]
  /** Rooms that the user has left, and those that the user was kept out of. */
  readonly gone: readonly ListedRoom[]
}

export interface UserRoomLists {
  /** `at` is the position of the snapshot. */
  get(reader: Reader, userId: UserId, at: number): Promise<UserRooms>
  /** Reads the user's list anew the next time: what changed has no position. */
  forget(userId: UserId): void
}

/** Beyond this many rooms with news on the whole server the list is read anew. */
const maxActive = 300

/** Keeps the lists of those who ask, so that going on costs what has happened since and not how many rooms there are. */
export function createUserRoomLists(
  reads: Pick<RoomReads, 'userRooms' | 'recent' | 'changedMemberships' | 'lastStay'>,
  userNews: Pick<UserNews, 'isQuiet'>,
): UserRoomLists {
  const known = new LruMap<string, UserRooms>(300_000, ({ byNid }) => byNid.size + 10)

  async function load(reader: Reader, userId: UserId, at: number): Promise<UserRooms> {
    const pause = createYielder()
    const rooms: ListedRoom[] = []
    for (const row of await reads.userRooms(reader, userId)) {
      rooms.push(toListed(row))
      await pause()
    }
    const listed: ListedRoom[] = []
    const gone: ListedRoom[] = []
    for (const room of rooms) {
      if (await hasGone(reader, userId, room)) gone.push(room)
      else listed.push(room)
    }
    const byNid = new Map(rooms.map((room) => [room.nid, room]))
    return { at, byNid, listed: listed.sort(byActivity), gone: gone.sort(byActivity) }
  }

  async function update(reader: Reader, userId: UserId, before: UserRooms, at: number): Promise<UserRooms> {
    const active = await reads.recent.activeRooms(reader, before.at, at, maxActive + 1)
    if (active.length > maxActive) return load(reader, userId, at)
    const changed = new Map<number, ListedRoom | undefined>()
    const isQuiet = userNews.isQuiet(userId, before.at, at)
    for (const row of isQuiet ? [] : await reads.changedMemberships(reader, userId, before.at)) {
      const room = row.forgotten === 1 ? undefined : await reads.recent.room(reader, row.room_nid, at)
      changed.set(
        row.room_nid,
        room && toListed({ ...row, room_id: room.roomId, last_pos: room.lastPos, state_nid: room.stateNid ?? null }),
      )
    }
    for (const nid of active) {
      const listed = before.byNid.get(nid)
      if (listed?.membership !== 'join' || changed.has(nid)) continue
      const room = await reads.recent.room(reader, nid, at)
      if (room !== undefined) changed.set(nid, { ...listed, lastPos: room.lastPos, stateNid: room.stateNid })
    }
    if (changed.size === 0) return { ...before, at }
    return { at, ...(await applied(reader, userId, before, changed)) }
  }

  /** The lists with some rooms moved: the others keep their order, so that nothing is sorted anew. */
  async function applied(
    reader: Reader,
    userId: UserId,
    before: UserRooms,
    changed: ReadonlyMap<number, ListedRoom | undefined>,
  ): Promise<Omit<UserRooms, 'at'>> {
    const byNid = new Map(before.byNid)
    const listed = before.listed.filter(({ nid }) => !changed.has(nid))
    const gone = before.gone.filter(({ nid }) => !changed.has(nid))
    for (const [nid, room] of changed) {
      if (room === undefined) {
        byNid.delete(nid)
        continue
      }
      byNid.set(nid, room)
      // Whoever was listed or gone before and has the same membership still is.
      const isSame = before.byNid.get(nid)?.memberPos === room.memberPos
      const isGone = isSame ? before.gone.some((old) => old.nid === nid) : await hasGone(reader, userId, room)
      insertSorted(isGone ? gone : listed, room)
    }
    return { byNid, listed, gone }
  }

  /** Whoever left knows it; whoever was put out may not. Of those who were never in, nobody needs to be told for long. */
  async function hasGone(reader: Reader, userId: UserId, { nid, membership, sender }: ListedRoom): Promise<boolean> {
    if (membership !== 'leave' && membership !== 'ban') return false
    if (sender === userId) return true
    return (await reads.lastStay(reader, nid, userId)) === undefined
  }

  return {
    forget: (userId) => void known.delete(userId),
    get: async (reader, userId, at) => {
      const before = known.get(userId)
      if (before?.at === at) return before
      // Somebody with a later snapshot was faster: what he found stays.
      if (before !== undefined && before.at > at) return load(reader, userId, at)
      const rooms = before === undefined ? await load(reader, userId, at) : await update(reader, userId, before, at)
      if ((known.get(userId)?.at ?? -1) < at) known.set(userId, rooms)
      return rooms
    },
  }
}

function toListed(row: UserRoomRow): ListedRoom {
  return {
    nid: row.room_nid,
    roomId: row.room_id,
    membership: row.membership,
    sender: row.sender,
    memberPos: row.stream_pos,
    lastPos: row.membership === 'join' ? row.last_pos : row.stream_pos,
    stateNid: row.state_nid ?? undefined,
  }
}

/** Puts a room at its place into a list that is sorted by activity. */
function insertSorted(rooms: ListedRoom[], room: ListedRoom): void {
  let [low, high] = [0, rooms.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const other = rooms[middle]
    if (other !== undefined && byActivity(other, room) < 0) low = middle + 1
    else high = middle
  }
  rooms.splice(low, 0, room)
}

const byActivity = (a: ListedRoom, b: ListedRoom): number => b.lastPos - a.lastPos || b.nid - a.nid
