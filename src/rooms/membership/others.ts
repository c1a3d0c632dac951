import { errors } from '../../matrix/errors.ts'
import type { IdentifiedPdu, JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import { type Membership, membershipOf } from '../../matrix/member-content.ts'
import { appendState, type StateTemplate } from '../actions/append-state.ts'
import { type Actor, timeOf } from '../actor.ts'
import type { RoomDraft } from '../draft.ts'
import type { People } from '../people.ts'

async function currentMembership(draft: RoomDraft, userId: UserId): Promise<Membership | undefined> {
  return membershipOf((await draft.state('m.room.member', userId))?.pdu)
}

function memberEvent(actor: Actor, target: UserId, content: JsonObject & { membership: Membership }): StateTemplate {
  return { type: 'm.room.member', sender: actor.userId, stateKey: target, content, ...timeOf(actor) }
}

/** Refuses what is allowed but makes no sense. Others get the rules' refusal, which says nothing of the target. */
async function refuse(draft: RoomDraft, template: StateTemplate, message: string): Promise<never> {
  await draft.check(template)
  throw errors.forbidden(message)
}

/** An invitation that nobody has checked yet. */
export async function inviteTemplate(
  draft: RoomDraft,
  people: People,
  actor: Actor,
  target: UserId,
  given: JsonObject = {},
): Promise<StateTemplate> {
  await people.requireActive(draft.reader, actor.userId)
  const { join_authorised_via_users_server: _, ...content } = {
    ...(await people.memberProfile(draft.reader, target)),
    ...given,
  }
  return memberEvent(actor, target, { ...content, membership: 'invite' })
}

/** For users of this server. Throws `403` also for those who take no invitations. */
export async function appendInvite(
  draft: RoomDraft,
  people: People,
  actor: Actor,
  target: UserId,
  given: JsonObject = {},
): Promise<IdentifiedPdu> {
  const template = await inviteTemplate(draft, people, actor, target, given)
  // Only those who might invite learn that the user takes no invitations.
  await draft.check(template)
  await people.requireInvitable(draft.reader, actor.userId, target)
  return appendState(draft, template)
}

/** Removes a member, an invitation or a knock. Throws `403` where there is none of these. */
export async function appendKick(
  draft: RoomDraft,
  actor: Actor,
  target: UserId,
  given: JsonObject = {},
): Promise<IdentifiedPdu> {
  const template = memberEvent(actor, target, { ...given, membership: 'leave' })
  const membership = await currentMembership(draft, target)
  const canLeave = membership === 'join' || membership === 'invite' || membership === 'knock'
  return canLeave ? appendState(draft, template) : refuse(draft, template, `${target} is not in the room`)
}

export function appendBan(
  draft: RoomDraft,
  actor: Actor,
  target: UserId,
  given: JsonObject = {},
): Promise<IdentifiedPdu> {
  return appendState(draft, memberEvent(actor, target, { ...given, membership: 'ban' }))
}

/** Throws `403` for users who are not banned. */
export async function appendUnban(
  draft: RoomDraft,
  actor: Actor,
  target: UserId,
  given: JsonObject = {},
): Promise<IdentifiedPdu> {
  const template = memberEvent(actor, target, { ...given, membership: 'leave' })
  const isBanned = (await currentMembership(draft, target)) === 'ban'
  return isBanned ? appendState(draft, template) : refuse(draft, template, `${target} is not banned`)
}
