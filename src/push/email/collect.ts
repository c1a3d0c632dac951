import type { Reader } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { ListNotified, Notified } from '../notified/notified.ts'

/** What somebody has not read. */
export interface News {
  /** Newest first. */
  readonly found: readonly Notified[]
  /** The newest position in the snapshot. */
  readonly at: number
  /** Whether there may be more before them. */
  readonly isTruncated: boolean
}

/** One page of `list` looks at a bounded number of events; much may have happened in a day that notified nobody. */
const maxPages = 10

/** The newest unread events with positions after `after` and up to `upTo` (undefined: the newest), at most `limit`. */
export async function collectNews(
  list: ListNotified,
  reader: Reader,
  userId: UserId,
  { after, upTo, limit }: { after: number; upTo?: number; limit: number },
): Promise<News> {
  const found: Notified[] = []
  let from = upTo
  for (let pages = 1; ; pages += 1) {
    const page = await list(reader, userId, { after, upTo: from, limit: limit - found.length, only: 'unread' })
    found.push(...page.found)
    const isTruncated = page.next !== undefined
    if (!isTruncated || found.length >= limit || pages === maxPages) return { found, at: page.at, isTruncated }
    from = page.next
  }
}
