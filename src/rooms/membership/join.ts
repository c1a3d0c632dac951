import { guestsMayJoin } from '../../matrix/content.ts'
import { errors } from '../../matrix/errors.ts'
import type { IdentifiedPdu, JsonObject } from '../../matrix/event.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import { type Actor, timeOf } from '../actor.ts'
import type { RoomDraft } from '../draft.ts'
import type { People } from '../people.ts'
import { findAuthoriser } from './authoriser.ts'
import { appendLeave } from './leave.ts'
import { ownContent } from './own-content.ts'

/** Throws `403 M_GUEST_ACCESS_FORBIDDEN`. */
async function requireGuestAccess(draft: RoomDraft): Promise<void> {
  if (guestsMayJoin((await draft.state('m.room.guest_access', ''))?.pdu)) return
  throw errors.guestAccessForbidden('This room does not take guests')
}

/** A guest who has come in through another server, which knows nothing of guests, leaves where the room takes none: then true. */
export async function removeGuest(draft: RoomDraft, actor: Actor): Promise<boolean> {
  if (guestsMayJoin((await draft.state('m.room.guest_access', ''))?.pdu)) return false
  await appendLeave(draft, { userId: actor.userId })
  return true
}

/** Joins the user, for good reason or not at all (`403`). Who is in the room already stays as they are. */
export async function appendJoin(
  draft: RoomDraft,
  people: People,
  actor: Actor,
  given: JsonObject = {},
): Promise<IdentifiedPdu> {
  const { userId } = actor
  const member = await draft.state('m.room.member', userId)
  const membership = membershipOf(member?.pdu)
  if (member !== undefined && membership === 'join') return member
  await people.requireActive(draft.reader, userId)
  if (actor.isGuest) await requireGuestAccess(draft)
  const content = await ownContent(draft, people, actor, { ...given, membership: 'join' })
  const needsNobody = membership === 'invite' || membership === 'ban'
  const authoriser = needsNobody ? undefined : await findAuthoriser(draft, userId)
  if (authoriser !== undefined) content.join_authorised_via_users_server = authoriser
  return draft.append({ type: 'm.room.member', sender: userId, stateKey: userId, content, ...timeOf(actor) })
}
