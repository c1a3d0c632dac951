import type { Reader } from '../../db/database.ts'
import type { RoomReads } from '../../rooms/reads.ts'

/** How somebody is called in a room; their id where they have no name there. */
export async function memberName(
  reads: Pick<RoomReads, 'roomById' | 'membership'>,
  reader: Reader,
  roomId: string,
  userId: string,
): Promise<string> {
  const room = await reads.roomById(reader, roomId)
  const member = room && (await reads.membership(reader, room.nid, userId))
  return member?.display_name?.trim() || userId
}
