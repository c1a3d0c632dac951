import type { IdentifiedPdu, JsonObject } from '../../matrix/event.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import { type Actor, timeOf } from '../actor.ts'
import type { RoomDraft } from '../draft.ts'
import type { People } from '../people.ts'

/** Leaves the room, rejects an invitation or takes a knock back. Who has left already has left. */
export async function appendLeave(draft: RoomDraft, actor: Actor, given: JsonObject = {}): Promise<IdentifiedPdu> {
  const { userId } = actor
  const member = await draft.state('m.room.member', userId)
  if (member !== undefined && membershipOf(member.pdu) === 'leave') return member
  const content = { ...given, membership: 'leave' }
  return draft.append({ type: 'm.room.member', sender: userId, stateKey: userId, content, ...timeOf(actor) })
}

/** The same as a client asks for it: an invitation by the server itself cannot be turned down. */
export async function appendOwnLeave(
  draft: RoomDraft,
  people: People,
  actor: Actor,
  given: JsonObject = {},
): Promise<IdentifiedPdu> {
  const member = await draft.state('m.room.member', actor.userId)
  if (member !== undefined && membershipOf(member.pdu) === 'invite') people.requireDeclinable(member.pdu.sender)
  return appendLeave(draft, actor, given)
}
