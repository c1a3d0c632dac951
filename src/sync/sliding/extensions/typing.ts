import type { JsonObject } from '../../../matrix/event.ts'
import type { RoomEvents, Scope } from '../types.ts'
import type { WantedRoom } from '../windows.ts'
import { type ExtensionContext, roomsToLookAt } from './context.ts'
import { isInScope } from './scope.ts'

/**
 * Who is typing, where that has changed; in rooms that the client begins with, where somebody is.
 * https://github.com/matrix-org/matrix-spec-proposals/pull/4508
 */
export async function typingAnswer(context: ExtensionContext, scope: Scope): Promise<RoomEvents | undefined> {
  const { answers, behind, ephemeralSince, since, wanted } = context
  const { typing } = context.ports.ephemeral
  const changed = new Set(since === undefined ? [] : typing.changedSince(ephemeralSince))
  // Whom the client saw typing before a restart does so no more.
  const isFromBefore = since !== undefined && typing.isFromBefore(ephemeralSince)
  const rooms: Record<string, JsonObject> = {}
  const tell = (found: WantedRoom) => {
    const { nid, roomId, membership } = found.room
    if (membership !== 'join' || !isInScope(scope, found)) return
    const users = typing.users(roomId)
    const isNew = behind.has(nid) && behind.get(nid) === undefined
    const isNews = isNew ? users.length > 0 : isFromBefore || behind.has(nid) || changed.has(roomId)
    if (isNews) rooms[roomId] = { type: 'm.typing', content: { user_ids: [...users] } }
  }
  for (const found of await roomsToLookAt(context, changed)) tell(found)
  if (isFromBefore) for (const nid of answers.keys()) for (const found of [wanted.get(nid) ?? []].flat()) tell(found)
  return Object.keys(rooms).length > 0 ? rooms : undefined
}
