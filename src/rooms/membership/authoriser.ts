import { allowedRoomsOf, joinRuleOf } from '../../matrix/content.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import { actionPower, powerOf } from '../../matrix/power-levels.ts'
import type { RoomDraft } from '../draft.ts'
import { getMembership, isAnybodyHere, listLocalJoined } from '../store-members.ts'
import { getRoom } from '../store-rooms.ts'

/** Nobody of this server may let the user in; somebody of another one might. */
export class NobodyMayLetIn extends MatrixError {
  constructor() {
    super(403, 'M_FORBIDDEN', 'Nobody of this server may let you in')
  }
}

/**
 * What this server can say of a join to a restricted room: `open` where nobody needs to vouch, `refused` where the user
 * fulfils no condition, `unknown` where none that we can check, `nobody` where none of our users may invite.
 */
export type RestrictedVerdict =
  | { readonly kind: 'open' | 'refused' | 'unknown' | 'nobody' }
  | { readonly kind: 'vouched'; readonly authoriser: UserId }

/** https://spec.matrix.org/v1.19/client-server-api/#restricted-rooms */
export async function judgeRestrictedJoin(draft: RoomDraft, userId: UserId): Promise<RestrictedVerdict> {
  const rules = (await draft.state('m.room.join_rules', ''))?.pdu
  const rule = joinRuleOf(rules)
  const isRestricted =
    (draft.rules.restrictedJoin && rule === 'restricted') ||
    (draft.rules.knockRestricted && rule === 'knock_restricted')
  if (!isRestricted) return { kind: 'open' }
  const condition = await judgeConditions(draft, allowedRoomsOf(rules), userId)
  if (condition !== 'met') return { kind: condition }
  const authoriser = await findInviter(draft)
  return authoriser === undefined ? { kind: 'nobody' } : { kind: 'vouched', authoriser }
}

/**
 * Who of this server vouches for a join of one of its users to a restricted room; undefined where the room is not
 * restricted. Throws `403` where the user fulfils no condition, or nobody here may invite (`NobodyMayLetIn`).
 */
export async function findAuthoriser(draft: RoomDraft, userId: UserId): Promise<UserId | undefined> {
  const verdict = await judgeRestrictedJoin(draft, userId)
  switch (verdict.kind) {
    case 'open':
      return undefined
    case 'vouched':
      return verdict.authoriser
    case 'nobody':
      throw new NobodyMayLetIn()
    default:
      // Rooms that this server does not know have no users of ours in them.
      throw errors.forbidden('You are in none of the rooms whose members may join')
  }
}

async function judgeConditions(
  draft: RoomDraft,
  roomIds: readonly string[],
  userId: UserId,
): Promise<'met' | 'refused' | 'unknown'> {
  let isAllKnown = true
  for (const roomId of roomIds) {
    const room = await getRoom(draft.reader, roomId)
    if (room === undefined || !(await isAnybodyHere(draft.reader, room.nid))) {
      isAllKnown = false
      continue
    }
    const member = await getMembership(draft.reader, room.nid, userId)
    if (member?.membership === 'join') return 'met'
  }
  return isAllKnown ? 'refused' : 'unknown'
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
