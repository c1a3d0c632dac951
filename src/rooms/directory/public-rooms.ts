import type { Database, Reader } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import { isServerName, type ServerName } from '../../matrix/ids.ts'
import { powerOf, requiredPower } from '../../matrix/power-levels.ts'
import { createYielder } from '../../util/async.ts'
import type { Actor } from '../actor.ts'
import type { People } from '../people.ts'
import type { RoomView } from '../room-view.ts'
import { getMembership } from '../store-members.ts'
import { getRoom, getRoomByNid, updateRoomPublic } from '../store-rooms.ts'
import { type DirectoryPlace, directoryTokens, readDirectoryToken } from './directory-token.ts'
import { createJoinedCounts } from './joined-counts.ts'
import { createNetworkRooms, type DirectoryScope, type SetNetworkVisibility } from './network-rooms.ts'
import type { PublicRoomsPage, PublicRoomsRequest } from './public-rooms-page.ts'
import type { RemoteDirectory } from './remote-directory.ts'
import { type RoomCard, roomCard } from './room-card.ts'
import { stateViewOf } from './state-view.ts'
import { listPublicRooms } from './store-public-rooms.ts'

export type DirectoryVisibility = 'public' | 'private'

export interface PublicRooms {
  list(request: PublicRoomsRequest): Promise<PublicRoomsPage>
  /** Throws `404` for an unknown room. */
  getVisibility(roomId: string): Promise<DirectoryVisibility>
  /** For administrators, and for members who may change the canonical alias. */
  setVisibility(actor: Actor, roomId: string, visibility: DirectoryVisibility): Promise<void>
  readonly setNetworkVisibility: SetNetworkVisibility
}

interface Deps {
  readonly db: Database
  readonly people: People
  readonly view: RoomView
  readonly serverName: ServerName
  /** Undefined where this server does not reach others. */
  readonly remote: RemoteDirectory | undefined
}

const defaultLimit = 100
const maxLimit = 500

function matches(card: RoomCard, { search, roomTypes }: PublicRoomsRequest): boolean {
  if (roomTypes !== undefined && !roomTypes.includes(card.room_type ?? null)) return false
  if (search === undefined || search === '') return true
  const wanted = search.toLowerCase()
  return [card.name, card.topic, card.canonical_alias].some((text) => text?.toLowerCase().includes(wanted))
}

export function createPublicRooms({ db, people, view, serverName, remote }: Deps): PublicRooms {
  const joinedCounts = createJoinedCounts()

  /** All published rooms, the largest first. */
  async function listBySize(reader: Reader, scope: DirectoryScope) {
    const rooms: { nid: number; joined: number }[] = []
    const pause = createYielder()
    for (const row of await listPublicRooms(reader, scope)) {
      await pause()
      rooms.push({ nid: row.room_nid, joined: await joinedCounts(reader, row) })
    }
    return rooms.sort((a, b) => b.joined - a.joined || a.nid - b.nid)
  }

  async function listMatching(reader: Reader, request: PublicRoomsRequest, { offset, limit }: DirectoryPlace) {
    const rooms = await listBySize(reader, request.scope ?? 'own')
    const isFiltered = (request.search ?? '') !== '' || request.roomTypes !== undefined
    const pause = createYielder()
    const cards: RoomCard[] = []
    // Without a filter only the rooms of the page have to be looked into.
    for (const { nid, joined } of isFiltered ? rooms : rooms.slice(offset, offset + limit)) {
      await pause()
      const room = await getRoomByNid(reader, nid)
      if (room === undefined) continue
      const card = await roomCard(reader, view, room, joined)
      if (matches(card, request)) cards.push(card)
    }
    return isFiltered
      ? { chunk: cards.slice(offset, offset + limit), total: cards.length }
      : { chunk: cards, total: rooms.length }
  }

  /** Undefined for our own. */
  function otherServer(server: string | undefined): ServerName | undefined {
    if (server === undefined || server === '' || server === serverName) return undefined
    if (!isServerName(server)) throw errors.invalidParam('server is not the name of a server')
    return server
  }

  async function requirePublisher(reader: Reader, actor: Actor, roomId: string): Promise<number> {
    const room = await getRoom(reader, roomId)
    if (room === undefined) throw errors.notFound('This server does not know that room')
    if (actor.isAdmin) return room.nid
    const member = await getMembership(reader, room.nid, actor.userId)
    if (member?.membership !== 'join') throw errors.forbidden('You are not in this room')
    const state = await stateViewOf(reader, view, room.stateNid)
    if (powerOf(state, room.rules, actor.userId) < requiredPower(state, room.rules, 'm.room.canonical_alias', true)) {
      throw errors.forbidden('You may not change what the directory says of this room')
    }
    await people.requireActive(reader, actor.userId)
    return room.nid
  }

  return {
    list: async (request) => {
      const server = otherServer(request.server)
      if (server !== undefined) {
        if (remote === undefined) throw errors.notFound(`The room directory of ${server} cannot be reached`)
        return remote.publicRooms(server, request)
      }
      const pageSize = Math.min(Math.max(request.limit ?? defaultLimit, 1), maxLimit)
      const place = readDirectoryToken(request.since, pageSize)
      const { chunk, total } = await db.read((reader) => listMatching(reader, request, place))
      return { chunk, total_room_count_estimate: total, ...directoryTokens(place, pageSize, total) }
    },
    getVisibility: async (roomId) => {
      const room = await db.read((reader) => getRoom(reader, roomId))
      if (room === undefined) throw errors.notFound('This server does not know that room')
      return room.isPublic ? 'public' : 'private'
    },
    setNetworkVisibility: createNetworkRooms(db),
    setVisibility: (actor, roomId, visibility) =>
      db.write('room visibility', async (tx) => {
        await updateRoomPublic(tx, await requirePublisher(tx, actor, roomId), visibility === 'public')
      }),
  }
}
