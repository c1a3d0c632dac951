import type { Database } from '../../db/database.ts'
import type { FederationTransport } from '../../federation/client/ports.ts'
import { isJsonObject } from '../../matrix/auth-state.ts'
import type { Json } from '../../matrix/event.ts'
import { domainOf, hasUserIdShape, type RoomId, type ServerName, serverOf, type UserId } from '../../matrix/ids.ts'
import type { LocalMembers } from '../local-members.ts'
import { getPartialRoom } from '../partial/store-partial.ts'
import { getMembership, type MembershipRow } from '../store-members.ts'
import { getRoom } from '../store-rooms.ts'
import { candidateServers } from './candidates.ts'
import { hasMembersElsewhere, listMemberServers } from './store-remote.ts'

/** Where a room is to be had. */
export interface Whereabouts {
  /** Whether somebody of ours is in the room, so that what we know of it holds. */
  isHere(roomId: string): Promise<boolean>
  /**
   * Whether the room lives on other servers only: nobody of ours is in, and it is not one that everybody has left, unless
   * the user was invited to it from elsewhere.
   */
  isElsewhere(roomId: string, userId: UserId): Promise<boolean>
  /**
   * The servers to try for a user who comes or goes: those that are named, those of whoever invited, those in the room's
   * id and those of the members that we know of.
   */
  serversFor(roomId: RoomId, userId: UserId, named: readonly string[]): Promise<ServerName[]>
}

interface Deps {
  readonly db: Database
  readonly transport: FederationTransport
  readonly localMembers: LocalMembers
  readonly serverName: ServerName
}

export function createWhereabouts({ db, transport, localMembers, serverName }: Deps): Whereabouts {
  const isHere = async (roomId: string) => (await localMembers.of(roomId)).size > 0
  return {
    isHere,
    isElsewhere: async (roomId, userId) => {
      if (await isHere(roomId)) return false
      return db.read(async (reader) => {
        const room = await getRoom(reader, roomId)
        if (room?.stateNid === undefined || (await hasMembersElsewhere(reader, room.nid))) return true
        if ((await getPartialRoom(reader, room.nid)) !== undefined) return true
        return isToldFromElsewhere(await getMembership(reader, room.nid, userId))
      })
    },
    serversFor: (roomId, userId, named) =>
      db.read(async (reader) => {
        const room = await getRoom(reader, roomId)
        const row = room && (await getMembership(reader, room.nid, userId))
        const members = room ? await listMemberServers(reader, room.nid) : []
        const partial = room && (await getPartialRoom(reader, room.nid))
        const others = partial ? [partial.resident, ...partial.servers] : []
        const lists = [named, row ? serversOfInvite(row) : [], [domainOf(roomId)], members, others]
        return candidateServers(lists, serverName, transport.isAllowed)
      }),
  }
}

/** Whether it is an invitation or a knock of which only the other server has told us. */
export function isToldFromElsewhere(row: MembershipRow | undefined): boolean {
  return row !== undefined && row.stripped_state !== null && ['invite', 'knock'].includes(row.membership)
}

/** The servers of those who brought the membership about, or of whom was told with it. */
export function serversOfInvite({ sender, stripped_state: told }: MembershipRow): ServerName[] {
  const events: Json[] = told === null ? [] : (JSON.parse(told) as Json[])
  const senders = events.map((event) => (isJsonObject(event) ? event.sender : undefined))
  return [sender, ...senders].flatMap((userId) =>
    typeof userId === 'string' && hasUserIdShape(userId) ? [serverOf(userId)] : [],
  )
}
