import { errors } from '../../matrix/errors.ts'
import type { IdentifiedPdu, JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import { type Membership, membershipOf } from '../../matrix/member-content.ts'
import { appendState } from '../actions/append-state.ts'
import type { Actor } from '../actor.ts'
import type { RoomDraft } from '../draft.ts'
import type { People } from '../people.ts'

async function currentMembership(draft: RoomDraft, userId: UserId): Promise<Membership | undefined> {
  return membershipOf((await draft.state('m.room.member', userId))?.pdu)
}

function setMember(
  draft: RoomDraft,
  actor: Actor,
  target: UserId,
  content: JsonObject & { membership: Membership },
): Promise<IdentifiedPdu> {
  return appendState(draft, { type: 'm.room.member', sender: actor.userId, stateKey: target, content })
}

/** Throws `403` also for users who take no invitations. */
export async function appendInvite(
  draft: RoomDraft,
  people: People,
  actor: Actor,
  target: UserId,
  given: JsonObject = {},
): Promise<IdentifiedPdu> {
  await people.requireActive(draft.reader, actor.userId)
  const { join_authorised_via_users_server: _, ...content } = {
    ...(await people.memberProfile(draft.reader, target)),
    ...given,
  }
  const template = {
    type: 'm.room.member',
    sender: actor.userId,
    stateKey: target,
    content: { ...content, membership: 'invite' },
  }
  // Only those who might invite learn that the user takes no invitations.
  await draft.check(template)
  await people.requireInvitable(draft.reader, target)
  return appendState(draft, template)
}

/** Removes a member, an invitation or a knock. Throws `403` where there is none of these. */
export async function appendKick(
  draft: RoomDraft,
  actor: Actor,
  target: UserId,
  given: JsonObject = {},
): Promise<IdentifiedPdu> {
  const membership = await currentMembership(draft, target)
  if (membership !== 'join' && membership !== 'invite' && membership !== 'knock') {
    throw errors.forbidden(`${target} is not in the room`)
  }
  return setMember(draft, actor, target, { ...given, membership: 'leave' })
}

export function appendBan(
  draft: RoomDraft,
  actor: Actor,
  target: UserId,
  given: JsonObject = {},
): Promise<IdentifiedPdu> {
  return setMember(draft, actor, target, { ...given, membership: 'ban' })
}

/** Throws `403` for users who are not banned. */
export async function appendUnban(
  draft: RoomDraft,
  actor: Actor,
  target: UserId,
  given: JsonObject = {},
): Promise<IdentifiedPdu> {
  if ((await currentMembership(draft, target)) !== 'ban') throw errors.forbidden(`${target} is not banned`)
  return setMember(draft, actor, target, { ...given, membership: 'leave' })
}
