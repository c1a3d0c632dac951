import type { Database, Reader } from '../../db/database.ts'
import type { RemoteSummary } from '../../federation/client/requests-queries.ts'
import { encryptionAlgorithmOf } from '../../matrix/content.ts'
import { errors } from '../../matrix/errors.ts'
import { isRoomId, type UserId } from '../../matrix/ids.ts'
import type { Aliases } from '../directory/aliases.ts'
import { type RoomCard, roomCard } from '../directory/room-card.ts'
import type { RoomReads } from '../reads.ts'
import type { RoomView } from '../room-view.ts'
import { countMembers, getMembership, listLocalJoined } from '../store-members.ts'
import { getRoom } from '../store-rooms.ts'
import type { Room } from '../types.ts'
import { conditionsOf, outlookOf } from './outlook.ts'
import type { RemoteRooms } from './remote-rooms.ts'

/** https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias */
export interface RoomSummary extends RoomCard {
  room_version: string
  encryption?: string
  allowed_room_ids?: string[]
}

/** What a preview of the room shows. */
export async function summaryOf(reader: Reader, view: RoomView, room: Room): Promise<RoomSummary> {
  const { joined } = await countMembers(reader, room.nid)
  const encryption = await view.entry(reader, room.stateNid, 'm.room.encryption', '')
  const algorithm = encryptionAlgorithmOf(encryption?.pdu)
  const joinRules = await view.entry(reader, room.stateNid, 'm.room.join_rules', '')
  const allowed = conditionsOf(room.rules, joinRules?.pdu)
  return {
    ...(await roomCard(reader, view, room, joined)),
    room_version: room.rules.version,
    ...(algorithm === undefined ? {} : { encryption: algorithm }),
    ...(allowed.length === 0 ? {} : { allowed_room_ids: allowed }),
  }
}

/** A summary of ours, or as another server wrote it. */
export type ShownSummary = (RoomSummary | RemoteSummary) & { membership?: string }

/**
 * Servers through which the room may be known are asked where nobody here is in it. Throws `404` for rooms that do not
 * exist or of which the user, or with undefined anybody, may know nothing.
 */
export type GetRoomSummary = (
  roomIdOrAlias: string,
  via: readonly string[],
  userId: UserId | undefined,
) => Promise<ShownSummary>

interface Deps {
  readonly db: Database
  readonly reads: Pick<RoomReads, 'view'>
  readonly aliases: Pick<Aliases, 'resolve'>
  readonly remote: RemoteRooms | undefined
}

export function createRoomSummaries({ db, reads, aliases, remote }: Deps): GetRoomSummary {
  const { view } = reads

  async function findHere(roomId: string, userId: UserId | undefined): Promise<ShownSummary | undefined> {
    return db.read(async (reader) => {
      const room = await getRoom(reader, roomId)
      if (room?.stateNid === undefined) return undefined
      const { membership, mayPreview } = await outlookOf(reader, view, room, userId)
      // What everybody is told without an account is not kept from those who were banned.
      const isOpen = mayPreview || (await outlookOf(reader, view, room, undefined)).mayPreview
      if (!isOpen) throw errors.notFound('Room not found')
      return { ...(await summaryOf(reader, view, room)), ...(membership === undefined ? {} : { membership }) }
    })
  }

  /** Where nobody here is in any more, what we know of the room is old. */
  const isCurrent = (roomId: string) =>
    db.read(async (reader) => {
      const room = await getRoom(reader, roomId)
      return room?.stateNid !== undefined && (await listLocalJoined(reader, room.nid)).length > 0
    })

  async function findElsewhere(roomId: string, via: readonly string[], userId: UserId | undefined) {
    const found = await remote?.find(roomId, via, { suggestedOnly: false, brief: true })
    if (found === undefined) return undefined
    if (!(await remote?.mayPreview(found.summary, userId))) throw errors.notFound('Room not found')
    return { ...found.summary, ...(userId === undefined ? {} : { membership: await membershipOf(roomId, userId) }) }
  }

  const membershipOf = (roomId: string, userId: UserId) =>
    db.read(async (reader) => {
      const room = await getRoom(reader, roomId)
      return (room && (await getMembership(reader, room.nid, userId)))?.membership ?? 'leave'
    })

  return async (roomIdOrAlias, via, userId) => {
    const { roomId, servers } = isRoomId(roomIdOrAlias)
      ? { roomId: roomIdOrAlias, servers: [] }
      : await aliases.resolve(roomIdOrAlias)
    const isOurs = remote === undefined || (await isCurrent(roomId))
    const elsewhere = isOurs ? undefined : await findElsewhere(roomId, [...via, ...servers], userId)
    const found = elsewhere ?? (await findHere(roomId, userId))
    if (found === undefined) throw errors.notFound('Room not found')
    return found
  }
}
