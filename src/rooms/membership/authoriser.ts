import { allowedRoomsOf, joinRuleOf } from '../../matrix/content.ts'
import { errors } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import { actionPower, powerOf } from '../../matrix/power-levels.ts'
import type { RoomDraft } from '../draft.ts'
import { getMembership, listLocalJoined } from '../store-members.ts'
import { getRoom } from '../store-rooms.ts'

/**
 * Who of this server vouches for a user's join to a restricted room; undefined where the room is not restricted. Throws
 * `403` where the user fulfils no condition, or nobody here may invite.
 * https://spec.matrix.org/v1.19/client-server-api/#restricted-rooms
 */
export async function findAuthoriser(draft: RoomDraft, userId: UserId): Promise<UserId | undefined> {
  const rules = (await draft.state('m.room.join_rules', ''))?.pdu
  const rule = joinRuleOf(rules)
  const isRestricted =
    (draft.rules.restrictedJoin && rule === 'restricted') ||
    (draft.rules.knockRestricted && rule === 'knock_restricted')
  if (!isRestricted) return undefined
  if (!(await isInOneOf(draft, allowedRoomsOf(rules), userId))) {
    throw errors.forbidden('You are in none of the rooms whose members may join')
  }
  const authoriser = await findInviter(draft)
  if (authoriser === undefined) throw errors.forbidden('Nobody of this server may let you in')
  return authoriser
}

async function isInOneOf(draft: RoomDraft, roomIds: readonly string[], userId: UserId): Promise<boolean> {
  for (const roomId of roomIds) {
    const room = await getRoom(draft.reader, roomId)
    const member = room && (await getMembership(draft.reader, room.nid, userId))
    if (member?.membership === 'join') return true
  }
  return false
}

async function findInviter(draft: RoomDraft): Promise<UserId | undefined> {
  if (draft.room === undefined) return undefined
  const state = await draft.stateView([
    ['m.room.create', ''],
    ['m.room.power_levels', ''],
  ])
  const needed = actionPower(state, draft.rules, 'invite')
  for (const userId of await listLocalJoined(draft.reader, draft.room.nid)) {
    if (powerOf(state, draft.rules, userId) < needed) continue
    // Somebody may have left within this very draft.
    if (membershipOf((await draft.state('m.room.member', userId))?.pdu) === 'join') return userId as UserId
  }
  return undefined
}
