import type { JsonObject } from '../../matrix/event.ts'
import type { Actor } from '../actor.ts'
import type { RoomDraft } from '../draft.ts'
import type { People } from '../people.ts'

/** A member event of one's own, with the profile as it is now; `given` wins over it. Who vouches is not for clients to say. */
export async function ownContent(
  draft: RoomDraft,
  people: People,
  actor: Actor,
  given: JsonObject & { membership: 'join' | 'knock' },
): Promise<JsonObject> {
  const { join_authorised_via_users_server: _, ...content } = {
    ...(await people.memberProfile(draft.reader, actor.userId)),
    ...given,
  }
  return content
}
