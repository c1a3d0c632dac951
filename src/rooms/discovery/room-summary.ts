import type { Database, Reader } from '../../db/database.ts'
import { encryptionAlgorithmOf } from '../../matrix/content.ts'
import { errors } from '../../matrix/errors.ts'
import type { RoomId, UserId } from '../../matrix/ids.ts'
import { type RoomCard, roomCard } from '../directory/room-card.ts'
import type { RoomView } from '../room-view.ts'
import { countMembers } from '../store-members.ts'
import { getRoom } from '../store-rooms.ts'
import type { Room } from '../types.ts'
import { conditionsOf, outlookOf } from './outlook.ts'

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

/** Throws `404` for rooms that do not exist or of which the user, or with undefined anybody, may know nothing. */
export type GetRoomSummary = (
  roomIdOrAlias: string,
  userId: UserId | undefined,
) => Promise<RoomSummary & { membership?: string }>

interface Deps {
  readonly db: Database
  readonly view: RoomView
  requireRoomId(roomIdOrAlias: string): Promise<RoomId>
}

export function createRoomSummaries({ db, view, requireRoomId }: Deps): GetRoomSummary {
  return async (roomIdOrAlias, userId) => {
    const roomId = await requireRoomId(roomIdOrAlias)
    return db.read(async (reader) => {
      const room = await getRoom(reader, roomId)
      if (room === undefined) throw errors.notFound('Room not found')
      const { membership, mayPreview } = await outlookOf(reader, view, room, userId)
      // What everybody is told without an account is not kept from those who were banned.
      const isOpen = mayPreview || (await outlookOf(reader, view, room, undefined)).mayPreview
      if (!isOpen) throw errors.notFound('Room not found')
      return { ...(await summaryOf(reader, view, room)), ...(membership === undefined ? {} : { membership }) }
    })
  }
}
