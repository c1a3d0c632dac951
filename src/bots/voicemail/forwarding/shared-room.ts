import type { Reader } from '../../../db/database.ts'
import type { UserId } from '../../../matrix/ids.ts'
import type { RoomReads } from '../../../rooms/reads.ts'

/** Why no notes can be brought into a room: the user is not there, it is encrypted, or the bot is not there. */
export type SharedRoomFault = 'not there' | 'encrypted' | 'no bot'

export interface SharedRoom {
  readonly roomId: string
  /** Whose notes they are. */
  readonly userId: UserId
  readonly botId: UserId
}

/** Undefined: notes to the user can be brought there. A room that does not exist is one where the user is not. */
export async function sharedRoomFault(
  reads: Pick<RoomReads, 'roomById' | 'view' | 'membership'>,
  reader: Reader,
  { roomId, userId, botId }: SharedRoom,
): Promise<SharedRoomFault | undefined> {
  const room = await reads.roomById(reader, roomId)
  const isThere = async (member: UserId) =>
    room !== undefined && (await reads.membership(reader, room.nid, member))?.membership === 'join'
  if (room === undefined || !(await isThere(userId))) return 'not there'
  if ((await reads.view.entry(reader, room.stateNid, 'm.room.encryption', '')) !== undefined) return 'encrypted'
  return (await isThere(botId)) ? undefined : 'no bot'
}
