import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { isUserId, type UserId } from '../../matrix/ids.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'

/**
 * The content of the create event: what the client gives, with the keys that are the server's to write. From version 12
 * on, `alsoCreators` join those that the client names. Throws `400 M_INVALID_PARAM` for creators who are no users.
 */
export function creationContent(
  rules: RoomVersionRules,
  creator: UserId,
  given: JsonObject = {},
  alsoCreators: readonly UserId[] = [],
): JsonObject {
  const { creator: _, room_version: __, ...rest } = given
  const content: JsonObject = { ...rest, room_version: rules.version }
  if (rules.creatorInContent) content.creator = creator
  if (!rules.roomIdIsCreateHash) return content
  const named = content.additional_creators ?? []
  if (!Array.isArray(named) || !named.every((one) => typeof one === 'string' && isUserId(one))) {
    throw errors.invalidParam('additional_creators is not a list of user ids')
  }
  const all = new Set([...named, ...alsoCreators])
  all.delete(creator)
  if (all.size === 0) delete content.additional_creators
  else content.additional_creators = [...all]
  return content
}
