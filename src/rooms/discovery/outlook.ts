import type { Reader } from '../../db/database.ts'
import { allowedRoomsOf, type HasContent, historyVisibilityOf, joinRuleOf } from '../../matrix/content.ts'
import type { ServerName, UserId } from '../../matrix/ids.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import { hasUserOf } from '../history/store-history.ts'
import type { RoomView } from '../room-view.ts'
import { getMembership } from '../store-members.ts'
import { getRoom } from '../store-rooms.ts'
import type { Room } from '../types.ts'

/** What somebody outside may know of a room. */
export interface Outlook {
  /** Undefined for somebody without an account; `leave` for a user whom the room has never seen. */
  readonly membership: string | undefined
  readonly mayPreview: boolean
}

/**
 * Whether a user, or with undefined anybody, may see what a room is: members, the invited, those who knocked, and everybody
 * who may join, knock or read. https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy
 */
export async function outlookOf(
  reader: Reader,
  view: RoomView,
  room: Room,
  userId: UserId | undefined,
): Promise<Outlook> {
  const row = userId === undefined ? undefined : await getMembership(reader, room.nid, userId)
  const membership = userId === undefined ? undefined : (row?.membership ?? 'leave')
  if (membership === 'join' || membership === 'invite' || membership === 'knock')
    return { membership, mayPreview: true }
  const visibility = await view.entry(reader, room.stateNid, 'm.room.history_visibility', '')
  if (historyVisibilityOf(visibility?.pdu) === 'world_readable') return { membership, mayPreview: true }
  if (membership === 'ban') return { membership, mayPreview: false }
  const rules = (await view.entry(reader, room.stateNid, 'm.room.join_rules', ''))?.pdu
  const rule = joinRuleOf(rules)
  const isOpen = isOpenTo(rule, room.rules)
  if (isOpen || userId === undefined) return { membership, mayPreview: isOpen }
  return { membership, mayPreview: await isInAllowedRoom(reader, conditionsOf(room.rules, rules), userId) }
}

/** Whether some user of a server, whoever it is, may see what a room is. */
export async function mayServerPreview(
  reader: Reader,
  view: RoomView,
  room: Room,
  server: ServerName,
): Promise<boolean> {
  const rules = (await view.entry(reader, room.stateNid, 'm.room.join_rules', ''))?.pdu
  if (isOpenTo(joinRuleOf(rules), room.rules)) return true
  const visibility = await view.entry(reader, room.stateNid, 'm.room.history_visibility', '')
  if (historyVisibilityOf(visibility?.pdu) === 'world_readable') return true
  if (await hasUserOf(reader, room.nid, server, ['join', 'invite', 'knock'])) return true
  for (const roomId of conditionsOf(room.rules, rules)) {
    const allowed = await getRoom(reader, roomId)
    if (allowed !== undefined && (await hasUserOf(reader, allowed.nid, server, ['join']))) return true
  }
  return false
}

/** The rooms that open a restricted room to their members; none where the room is not restricted. */
export function conditionsOf(version: RoomVersionRules, joinRules: HasContent | undefined): string[] {
  const rule = joinRuleOf(joinRules)
  const isRestricted =
    (version.restrictedJoin && rule === 'restricted') || (version.knockRestricted && rule === 'knock_restricted')
  return isRestricted ? allowedRoomsOf(joinRules) : []
}

function isOpenTo(rule: string | undefined, version: RoomVersionRules): boolean {
  return rule === 'public' || isKnockable(rule, version)
}

function isKnockable(rule: string | undefined, version: RoomVersionRules): boolean {
  return (version.knock && rule === 'knock') || (version.knockRestricted && rule === 'knock_restricted')
}

async function isInAllowedRoom(reader: Reader, roomIds: readonly string[], userId: UserId): Promise<boolean> {
  for (const roomId of roomIds) {
    const room = await getRoom(reader, roomId)
    if (room !== undefined && (await getMembership(reader, room.nid, userId))?.membership === 'join') return true
  }
  return false
}
