import type { Advance } from '../db/streams.ts'
import type { UserId } from '../matrix/ids.ts'
import { LruMap } from '../util/lru.ts'

/**
 * Who had news of their own since the start: account data, memberships, keys, all that wakes a user by name. A message
 * wakes everybody in a room, and hardly any of them had; what they ask for then need not be looked up.
 */
export interface UserNews {
  /** Counts from this position on. */
  begin(position: number): void
  note(advance: Advance): void
  /** Whether a snapshot at `to` holds nothing of the user's own after `since`. False where that is not known. */
  isQuiet(userId: UserId, since: number, to: number): boolean
  /** The same for all users of the server at once. */
  areAllQuiet(since: number, to: number): boolean
  /** What `load` found in a snapshot of this user, for as long as the user has no news of their own. */
  remember<V extends object>(userId: UserId, name: string, at: number, load: () => Promise<V>): Promise<V>
}

const capacity = 100_000

export function createUserNews(): UserNews {
  /** Positions by user, those with the oldest news first. */
  const newest = new Map<string, number>()
  const values = new LruMap<string, { readonly at: number; readonly value: object }>(capacity)
  let from = Number.POSITIVE_INFINITY
  let upTo = 0
  let newestOfAll = 0

  const isKnown = (since: number, to: number) => since >= from && to <= upTo
  const isQuiet: UserNews['isQuiet'] = (userId, since, to) => isKnown(since, to) && (newest.get(userId) ?? 0) <= since

  return {
    begin: (position) => {
      from = position
      upTo = position
    },
    note: ({ position, users }) => {
      upTo = Math.max(upTo, position)
      for (const userId of users ?? []) {
        newestOfAll = Math.max(newestOfAll, position)
        newest.delete(userId)
        newest.set(userId, position)
      }
      for (const [userId, at] of newest) {
        if (newest.size <= capacity) break
        newest.delete(userId)
        from = Math.max(from, at)
      }
    },
    isQuiet,
    areAllQuiet: (since, to) => isKnown(since, to) && newestOfAll <= since,
    remember: async <V extends object>(userId: UserId, name: string, at: number, load: () => Promise<V>) => {
      const key = `${userId} ${name}`
      const known = values.get(key)
      // A name stands for one kind of value, whoever asks.
      if (known !== undefined && known.at <= at && isQuiet(userId, known.at, at)) return known.value as V
      const value = await load()
      values.set(key, { at, value })
      return value
    },
  }
}
