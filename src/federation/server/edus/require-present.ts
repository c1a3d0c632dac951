import type { Reader } from '../../../db/database.ts'
import { errors } from '../../../matrix/errors.ts'
import { serverOf, type UserId } from '../../../matrix/ids.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import type { Room } from '../../../rooms/types.ts'

/** The room, where the user is in it, as far as its members are known, and its rules let the user's server take part. Throws `403`. */
export async function requirePresent(
  { reads, history }: Pick<Rooms, 'reads' | 'history'>,
  reader: Reader,
  roomId: string,
  userId: UserId,
): Promise<Room> {
  const room = await reads.roomById(reader, roomId)
  const membership = room && (await reads.membership(reader, room.nid, userId))
  const isUnknown = room?.isPartial === true && membership === undefined
  if (room === undefined || !(isUnknown || membership?.membership === 'join')) {
    throw errors.forbidden('The user is not in that room')
  }
  if (!(await history.isAllowed(reader, room, serverOf(userId)))) {
    throw errors.forbidden('The rules of the room keep that server out')
  }
  return room
}
