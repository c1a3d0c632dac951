import type { JsonObject } from '../../../matrix/event.ts'
import type { AccountDataAnswer, Scope } from '../types.ts'
import { type ExtensionContext, roomsToLookAt, sinceOf } from './context.ts'
import { isInScope, scopeText } from './scope.ts'

const name = 'account_data'

/**
 * The user's account data: all that there is the first time, then what changes. Undefined: nothing.
 * https://github.com/matrix-org/matrix-spec-proposals/pull/3959
 */
export async function accountDataAnswer(
  context: ExtensionContext,
  scope: Scope,
): Promise<AccountDataAnswer | undefined> {
  const { ports, reader, userId, draft, since } = context
  const text = scopeText(scope)
  const before = draft.settings.scopes[name]
  const global = await ports.accountData.list(reader, userId, undefined, before === undefined ? undefined : since)
  // Whoever asks for other rooms than before may lack anything of them.
  const isNewScope = before !== text
  const candidates = isNewScope ? context.wanted.values() : await roomsToLookAt(context, context.withAccountData)
  const rooms: Record<string, readonly JsonObject[]> = {}
  for (const wanted of candidates) {
    if (!isInScope(scope, wanted)) continue
    const { nid, roomId } = wanted.room
    const events = await ports.accountData.list(reader, userId, roomId, isNewScope ? undefined : sinceOf(context, nid))
    if (events.length > 0) rooms[roomId] = events
  }
  if (isNewScope) draft.settings = { ...draft.settings, scopes: { ...draft.settings.scopes, [name]: text } }
  return global.length > 0 || Object.keys(rooms).length > 0 ? { global, rooms } : undefined
}
