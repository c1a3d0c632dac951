import type { Reader } from '../db/database.ts'
import type { Requester } from '../http/endpoint.ts'
import { historyVisibilityOf } from '../matrix/content.ts'
import { errors } from '../matrix/errors.ts'
import { isUserId, type UserId } from '../matrix/ids.ts'
import { getLastStay } from './last-stay.ts'
import type { RoomView } from './room-view.ts'
import { getMembership, listMembers } from './store-members.ts'
import { getRoom } from './store-rooms.ts'
import type { Room } from './types.ts'

/** How far a user may look into a room. */
export interface RoomAccess {
  readonly room: Room
  readonly membership: string
  /** The newest stream position that the user may read; for somebody who left, that of the leave event. */
  readonly upTo: number
  /** The state that the user may read: the current one, or the one at the leave event. */
  readonly stateNid: number | undefined
}

/**
 * The user's access to a room. Throws `403 M_FORBIDDEN` for rooms that are unknown, that the user was never in or has
 * forgotten, unless they are world readable.
 */
export async function requireAccess(
  reader: Reader,
  view: RoomView,
  roomId: string,
  userId: UserId,
): Promise<RoomAccess> {
  const room = await getRoom(reader, roomId)
  if (room === undefined) throw errors.forbidden('You are not in this room')
  const row = await getMembership(reader, room.nid, userId)
  const membership = row?.membership ?? 'leave'
  const present = { room, membership, upTo: Number.MAX_SAFE_INTEGER, stateNid: room.stateNid }
  if (membership === 'join') return present
  const visibility = await view.entry(reader, room.stateNid, 'm.room.history_visibility', '')
  if (historyVisibilityOf(visibility?.pdu) === 'world_readable') return present
  if (row === undefined || row.forgotten === 1 || (membership !== 'leave' && membership !== 'ban')) {
    throw errors.forbidden('You are not in this room')
  }
  const left = (await getLastStay(reader, room.nid, userId))?.ended
  if (left?.streamPos === undefined) throw errors.forbidden('You were never in this room')
  return { room, membership, upTo: left.streamPos, stateNid: left.stateNid }
}

/** The same, but only for those who are in the room now. */
export async function requireJoined(reader: Reader, roomId: string, userId: UserId): Promise<Room> {
  const room = await getRoom(reader, roomId)
  const row = room && (await getMembership(reader, room.nid, userId))
  if (room === undefined || row?.membership !== 'join') throw errors.forbidden('You are not in this room')
  return room
}

/** The same, but an application service needs only to have some user in the room. */
export async function requireUserIn(
  reader: Reader,
  roomId: string,
  { userId, appservice }: Pick<Requester, 'userId' | 'appservice'>,
): Promise<Room> {
  const room = appservice && (await getRoom(reader, roomId))
  if (room === undefined) return requireJoined(reader, roomId, userId)
  const isOurs = (member: string) => isUserId(member) && appservice?.isInterestedIn(member) === true
  const members = await listMembers(reader, room.nid, 'join')
  return members.some((member) => isOurs(member.user_id)) ? room : requireJoined(reader, roomId, userId)
}
