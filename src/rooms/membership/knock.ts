import type { IdentifiedPdu, JsonObject } from '../../matrix/event.ts'
import { type Actor, timeOf } from '../actor.ts'
import type { RoomDraft } from '../draft.ts'
import type { People } from '../people.ts'
import { ownContent } from './own-content.ts'

/** Throws `403` where the room takes no knocks, or the user is invited, joined or banned. */
export async function appendKnock(
  draft: RoomDraft,
  people: People,
  actor: Actor,
  given: JsonObject = {},
): Promise<IdentifiedPdu> {
  const { userId } = actor
  await people.requireActive(draft.reader, userId)
  const content = await ownContent(draft, people, actor, { ...given, membership: 'knock' })
  return draft.append({ type: 'm.room.member', sender: userId, stateKey: userId, content, ...timeOf(actor) })
}
