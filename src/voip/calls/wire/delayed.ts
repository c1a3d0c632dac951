import { isUserId } from '../../../matrix/ids.ts'
import type { Evidence } from '../kernel/evidence.ts'
import type { DelayedNews } from '../types.ts'
import { isKeyOf, legOfState, memberStateTypes } from './member-state.ts'
import { legOfSticky, memberStickyTypes, stickyKeyOf } from './member-sticky.ts'

/** Clients restart it every few seconds; what is not restarted is sent. */
const day = 86_400_000

/**
 * A client schedules its own leaving when it joins, and puts it off as long as it is there. In encrypted rooms it does so
 * in clear: https://github.com/matrix-org/matrix-spec-proposals/pull/4140
 */
export function readDelayed({ userId, type, stateKey, content, what, ts }: DelayedNews): Evidence | undefined {
  const leg = legOf({ userId, type, stateKey, content })
  if (leg === undefined || !isUserId(userId)) return undefined
  switch (what) {
    case 'scheduled':
    case 'restarted':
      return { what: 'present', by: userId, leg, isFresh: what === 'scheduled', until: ts + day, ts }
    case 'sent':
      return { what: 'gone', by: userId, leg, ts }
    // The client leaves in another way, or schedules it anew.
    case 'cancelled':
      return undefined
  }
}

function legOf({ userId, type, stateKey, content }: Omit<DelayedNews, 'what' | 'ts' | 'roomId'>): string | undefined {
  if (memberStateTypes.has(type))
    return stateKey !== undefined && isKeyOf(userId, stateKey) ? legOfState(stateKey) : undefined
  if (!memberStickyTypes.has(type)) return undefined
  const key = stickyKeyOf(content)
  return key && legOfSticky(userId, key)
}
