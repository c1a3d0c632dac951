import { findMisplacedUser, findUnreadable } from '../../matrix/auth-rules-power-levels.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { RoomDraft } from '../draft.ts'

/**
 * Says what is wrong with power levels that nobody might set, whatever power they have. Throws `400 M_BAD_JSON` for what
 * the room version cannot read, `400 M_INVALID_PARAM` for a user that is none, or a creator of version 12.
 */
export async function checkLevels(draft: RoomDraft, content: JsonObject): Promise<void> {
  const { rules } = draft
  const unreadable = findUnreadable(rules, content)
  if (unreadable !== undefined) throw errors.badJson(unreadable)
  const misplaced = findMisplacedUser(rules, content, await draft.stateView([['m.room.create', '']]))
  if (misplaced !== undefined) throw errors.invalidParam(misplaced)
}
