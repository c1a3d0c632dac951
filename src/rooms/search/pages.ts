import type { Hit } from './hits.ts'
import type { GroupKey, GroupScope, SearchQuery } from './search-query.ts'
import type { SearchPlace } from './search-token.ts'
import type { Stretch } from './stretch.ts'

export interface Group {
  readonly key: GroupKey
  readonly value: string
  readonly hits: Hit[]
  /** Undefined where the group has no more. */
  readonly next: SearchPlace | undefined
}

export interface SearchPage {
  readonly hits: readonly Hit[]
  readonly groups: readonly Group[]
  readonly count: number
  /** Undefined where there are no more. */
  readonly next: SearchPlace | undefined
}

type Rank = Pick<Hit, 'rank' | 'pos'>

/** Sorts the best or the newest first; no two results are equal. */
const comparisons: Record<SearchQuery['order'], (a: Rank, b: Rank) => number> = {
  rank: (a, b) => b.rank - a.rank || b.pos - a.pos,
  recent: (a, b) => b.pos - a.pos,
}

const lowest = Number.MIN_SAFE_INTEGER

/** The results of a stretch that follow on the pages before. */
export function cutPage(
  { order }: Pick<SearchQuery, 'order'>,
  { hits, floor }: Stretch,
  place: SearchPlace,
  limit: number,
  groupBy: readonly GroupKey[],
): SearchPage {
  const { below, counted, within, scope } = place
  const compare = comparisons[order]
  const ahead = within === undefined ? [...hits] : hits.filter((hit) => compare(hit, within) > 0)
  ahead.sort(compare)
  const page = ahead.slice(0, limit)
  const rest = ahead.slice(limit)
  const last = page.at(-1)

  function nextOf(others: readonly Hit[], own: GroupScope | undefined): SearchPlace | undefined {
    const scoped = own === undefined ? {} : { scope: own }
    if (others.length > 0 && last !== undefined) {
      const { rank, pos } = last
      // The rank stays what it was for this page, where an edit changes it.
      return { below, counted, within: { floor: floor ?? lowest, rank, pos }, ...scoped }
    }
    if (floor === undefined || limit === 0) return undefined
    return { below: floor, counted: counted + hits.length, ...scoped }
  }

  const groups = groupBy.flatMap((key) => {
    return [...Map.groupBy(page, (hit) => groupOf(hit, key))].map(([value, found]) => {
      // A page of one group says nothing of others.
      const isPaged = scope === undefined || (scope.key === key && scope.value === value)
      const others = rest.filter((hit) => groupOf(hit, key) === value)
      return { key, value, hits: found, next: isPaged ? groupNext(nextOf(others, { key, value })) : undefined }
    })
  })
  return { hits: page, groups, count: counted + hits.length, next: nextOf(rest, scope) }

  /** What was counted before belongs to all groups together. */
  function groupNext(next: SearchPlace | undefined): SearchPlace | undefined {
    return next && { ...next, counted: scope === undefined ? 0 : next.counted }
  }
}

function groupOf({ event, in: { room } }: Hit, key: GroupKey): string {
  return key === 'sender' ? event.pdu.sender : room.roomId
}
