import { formatStreamToken } from '../../../matrix/stream-token.ts'
import { type SubscriptionChangesWire, writeSubscriptionChanges } from '../../../rooms/relations/subscription-wire.ts'
import type { ExtensionContext } from './context.ts'

const name = 'thread_subscriptions'
const maxChanges = 100

export type ThreadsAnswer = SubscriptionChangesWire & { readonly prev_batch?: string }

/**
 * Which threads the user follows: all the first time, then what changes, the latest first; where there are more than
 * fit, `prev_batch` leads to the others. https://github.com/matrix-org/matrix-spec-proposals/pull/4308
 */
export async function threadsAnswer(context: ExtensionContext, limit: number): Promise<ThreadsAnswer | undefined> {
  const { ports, reader, userId, draft, since, to } = context
  const isNew = draft.settings.scopes[name] === undefined
  if (isNew) draft.settings = { ...draft.settings, scopes: { ...draft.settings.scopes, [name]: '' } }
  const after = isNew || since === undefined ? 0 : since
  if (ports.userNews.isQuiet(userId, after, to)) return undefined
  const range = { userId, after, upTo: to, limit: Math.min(Math.max(limit, 1), maxChanges) }
  const { changes, next } = await ports.threadSubscriptions.changes(reader, range)
  if (changes.length === 0) return undefined
  const rest = next === undefined ? {} : { prev_batch: formatStreamToken({ position: next, ephemeral: 0 }) }
  return { ...writeSubscriptionChanges(changes), ...rest }
}
