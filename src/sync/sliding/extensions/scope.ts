import type { Scope } from '../types.ts'
import type { WantedRoom } from '../windows.ts'

/** Stands for all subscribed rooms. */
const everySubscription = '*'

/**
 * Whether an extension tells of a room. Without a choice it tells of all that the request wants.
 * https://github.com/matrix-org/matrix-spec-proposals/pull/4508
 */
export function isInScope({ lists, rooms }: Scope, { room, lists: inLists, isSubscribed }: WantedRoom): boolean {
  const byList = lists === undefined ? inLists.length > 0 : inLists.some((name) => lists.includes(name))
  if (byList) return true
  if (rooms === undefined) return isSubscribed
  return (isSubscribed && rooms.includes(everySubscription)) || rooms.includes(room.roomId)
}

/** The same text for the same scope. */
export const scopeText = ({ lists, rooms }: Scope): string => JSON.stringify([lists ?? null, rooms ?? null])
