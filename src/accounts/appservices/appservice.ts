import type { AppserviceIdentity } from '../../http/endpoint.ts'
import { makeUserId, type RoomAlias, type ServerName, serverOf, type UserId } from '../../matrix/ids.ts'
import type { Namespace } from './namespace.ts'
import type { Registration } from './registration.ts'

/** An application service, and what belongs to it. */
export interface Appservice extends AppserviceIdentity {
  readonly registration: Registration
  /** Whether it may act for this user, and is told of what concerns the user. Only for users of this server. */
  isInterestedIn(userId: UserId): boolean
  isInterestedInAlias(alias: RoomAlias): boolean
  isInterestedInRoom(roomId: string): boolean
  /** What it keeps from everybody else. */
  readonly reserves: {
    user(userId: UserId): boolean
    alias(alias: RoomAlias): boolean
  }
}

/** Throws a `RangeError` where the sender's name makes no user id. */
export function createAppservice(registration: Registration, serverName: ServerName): Appservice {
  const { users, aliases, rooms } = registration.namespaces
  const senderUserId = makeUserId(registration.senderLocalpart, serverName)
  return {
    id: registration.id,
    senderUserId,
    isRateLimited: registration.isRateLimited,
    registration,
    isInterestedIn: (userId) => userId === senderUserId || (serverOf(userId) === serverName && isAmong(users, userId)),
    isInterestedInAlias: (alias) => isAmong(aliases, alias),
    isInterestedInRoom: (roomId) => isAmong(rooms, roomId),
    reserves: {
      user: (userId) =>
        userId === senderUserId || (serverOf(userId) === serverName && isAmong(exclusive(users), userId)),
      alias: (alias) => serverOf(alias) === serverName && isAmong(exclusive(aliases), alias),
    },
  }
}

function isAmong(namespaces: readonly Namespace[], id: string): boolean {
  return namespaces.some((namespace) => namespace.matches(id))
}

function exclusive(namespaces: readonly Namespace[]): readonly Namespace[] {
  return namespaces.filter(({ isExclusive }) => isExclusive)
}
