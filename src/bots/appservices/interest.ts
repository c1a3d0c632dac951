import type { Appservice } from '../../accounts/appservices/appservice.ts'
import type { Appservices } from '../../accounts/appservices/appservices.ts'
import type { Reader } from '../../db/database.ts'
import { isUserId, type RoomAlias } from '../../matrix/ids.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import { listJoinedRoomIds } from '../../rooms/sharing.ts'
import type { Room } from '../../rooms/types.ts'
import { createYielder } from '../../util/async.ts'
import { hasMember, sharesRoom } from './store-members.ts'

/** What concerns which application service: https://spec.matrix.org/v1.19/application-service-api/#registration */
export interface Interest {
  /** The services that want to be told of anything. */
  listeners(): readonly Appservice[]
  /** Those to which the room belongs by its id or one of its aliases. */
  byNamespace(reader: Reader, room: Pick<Room, 'nid' | 'roomId'>): Promise<ReadonlySet<Appservice>>
  /** Whether all that happens in the room concerns the service. */
  isRoom(reader: Reader, service: Appservice, room: Pick<Room, 'nid' | 'roomId'>): Promise<boolean>
  /** Whether the user belongs to the service, or is in a room that concerns it. */
  isUser(reader: Reader, service: Appservice, userId: string): Promise<boolean>
}

/** Whether an id is that of a user of the service. */
export function isOwnUser(service: Appservice, userId: string | undefined): boolean {
  return userId !== undefined && isUserId(userId) && service.isInterestedIn(userId)
}

/** Whether the service has the user for itself. */
export function isExclusiveUser(service: Appservice, userId: string): boolean {
  return isUserId(userId) && service.reserves.user(userId)
}

interface Deps {
  readonly appservices: Pick<Appservices, 'list' | 'ofUser'>
  readonly reads: Pick<RoomReads, 'roomById'>
  aliasesOf(reader: Reader, roomNid: number): Promise<RoomAlias[]>
}

export function createInterest({ appservices, reads, aliasesOf }: Deps): Interest {
  const listeners = () => appservices.list().filter(({ registration }) => registration.url !== undefined)
  const hasAliases = ({ registration }: Appservice) => registration.namespaces.aliases.length > 0
  const hasRooms = ({ registration }: Appservice) => registration.namespaces.rooms.length > 0

  async function ofThese(reader: Reader, services: readonly Appservice[], room: Pick<Room, 'nid' | 'roomId'>) {
    const found = new Set(services.filter((service) => service.isInterestedInRoom(room.roomId)))
    const others = services.filter((service) => !found.has(service) && hasAliases(service))
    const aliases = others.length > 0 ? await aliasesOf(reader, room.nid) : []
    for (const service of others) if (aliases.some((alias) => service.isInterestedInAlias(alias))) found.add(service)
    return found
  }

  async function isInRoomOf(reader: Reader, service: Appservice, userId: string): Promise<boolean> {
    const pause = createYielder()
    for (const roomId of await listJoinedRoomIds(reader, userId)) {
      await pause()
      const room = await reads.roomById(reader, roomId)
      if (room !== undefined && (await ofThese(reader, [service], room)).size > 0) return true
    }
    return false
  }

  return {
    listeners,
    byNamespace: (reader, room) => ofThese(reader, listeners(), room),
    isRoom: async (reader, service, room) =>
      (await ofThese(reader, [service], room)).size > 0 || hasMember(reader, service.id, room.nid),
    isUser: async (reader, service, userId) => {
      if (appservices.ofUser(userId).some(({ id }) => id === service.id)) return true
      if (await sharesRoom(reader, service.id, userId)) return true
      return (hasRooms(service) || hasAliases(service)) && isInRoomOf(reader, service, userId)
    },
  }
}
