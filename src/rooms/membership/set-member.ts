import { errors } from '../../matrix/errors.ts'
import type { IdentifiedPdu, JsonObject } from '../../matrix/event.ts'
import { isUserId } from '../../matrix/ids.ts'
import { isMembership, membershipOf } from '../../matrix/member-content.ts'
import { appendState } from '../actions/append-state.ts'
import { type Actor, timeOf } from '../actor.ts'
import type { RoomDraft } from '../draft.ts'
import type { People } from '../people.ts'
import { appendJoin } from './join.ts'
import { appendKnock } from './knock.ts'
import { appendOwnLeave } from './leave.ts'
import { appendBan, appendInvite, appendKick, appendUnban } from './others.ts'

/** A member event as a client writes it, under the same conditions as the membership endpoints. */
export async function setMember(
  draft: RoomDraft,
  people: People,
  actor: Actor,
  target: string,
  content: JsonObject,
): Promise<IdentifiedPdu> {
  const { membership, ...given } = content
  if (!isMembership(membership)) throw errors.badJson('membership is missing or not known')
  if (!isUserId(target)) throw errors.invalidParam('The state key of m.room.member is a user id')
  const isOwn = target === actor.userId
  if (!(isOwn && membership === 'leave')) await people.requireActive(draft.reader, actor.userId)
  switch (membership) {
    case 'join':
      if (isOwn) return setOwnJoin(draft, people, actor, given)
      break
    case 'knock':
      if (isOwn) return appendKnock(draft, people, actor, given)
      break
    case 'invite':
      return appendInvite(draft, people, actor, target, given)
    case 'ban':
      return appendBan(draft, actor, target, given)
    case 'leave': {
      if (isOwn) return appendOwnLeave(draft, people, actor, given)
      const current = membershipOf((await draft.state('m.room.member', target))?.pdu)
      return (current === 'ban' ? appendUnban : appendKick)(draft, actor, target, given)
    }
  }
  throw errors.forbidden('That is for the user to do')
}

/** A member may write what they like into their own member event. */
async function setOwnJoin(draft: RoomDraft, people: People, actor: Actor, given: JsonObject): Promise<IdentifiedPdu> {
  const { userId } = actor
  const member = await draft.state('m.room.member', userId)
  if (membershipOf(member?.pdu) !== 'join') return appendJoin(draft, people, actor, given)
  const { join_authorised_via_users_server: _, ...content } = given
  return appendState(draft, {
    type: 'm.room.member',
    sender: userId,
    stateKey: userId,
    content: { ...content, membership: 'join' },
    ...timeOf(actor),
  })
}
