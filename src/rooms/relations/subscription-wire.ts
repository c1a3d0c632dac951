import type { SubscriptionChange } from './subscriptions.ts'

type ByThread<T> = Record<string, Record<string, T>>

/** Changes as `/thread_subscriptions` and sliding sync write them: https://github.com/matrix-org/matrix-spec-proposals/pull/4308 */
export interface SubscriptionChangesWire {
  subscribed?: ByThread<{ automatic: boolean; bump_stamp: number }>
  unsubscribed?: ByThread<{ bump_stamp: number }>
}

export function writeSubscriptionChanges(changes: readonly SubscriptionChange[]): SubscriptionChangesWire {
  const wire: SubscriptionChangesWire = {}
  for (const { roomId, rootId, state, position } of changes) {
    if (state === 'none') {
      wire.unsubscribed ??= {}
      wire.unsubscribed[roomId] ??= {}
      wire.unsubscribed[roomId][rootId] = { bump_stamp: position }
    } else {
      wire.subscribed ??= {}
      wire.subscribed[roomId] ??= {}
      wire.subscribed[roomId][rootId] = { automatic: state === 'automatic', bump_stamp: position }
    }
  }
  return wire
}
