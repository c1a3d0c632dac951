import type { Reader } from '../../db/database.ts'
import { toStoredEvent } from '../store-events.ts'
import type { StoredEvent } from '../types.ts'

/** Columns by which the descendants of an event are found, nearest first. */
const levels = ['parent_id', 'grandparent_id', 'great_grandparent_id'] as const
export const maxDepth = levels.length

export interface DescendantsQuery {
  readonly roomNid: number
  readonly ancestorId: string
  readonly relType: string | undefined
  readonly eventType: string | undefined
  readonly depth: number
  readonly dir: 'b' | 'f'
  /** Exclusive lower and inclusive upper stream positions. */
  readonly after: number
  readonly upTo: number
  readonly limit: number
}

export interface Descendant {
  readonly event: StoredEvent
  /** The events between it and the ancestor, nearest first. */
  readonly between: readonly string[]
}

/** The next descendants of an event in the order of the direction, and whether these are the last. */
export async function listDescendants(
  reader: Reader,
  query: DescendantsQuery,
): Promise<{ page: Descendant[]; isLast: boolean }> {
  const { dir, limit } = query
  let isLast = true
  const found = new Map<number, Descendant>()
  for (const [index, column] of levels.slice(0, query.depth).entries()) {
    let select = reader.qb
      .selectFrom('relations as r')
      .innerJoin('events as e', 'e.event_nid', 'r.event_nid')
      .selectAll('e')
      .select(['r.parent_id', 'r.grandparent_id'])
      .where(`r.${column}`, '=', query.ancestorId)
      .where('r.room_nid', '=', query.roomNid)
      .where('r.stream_pos', '>', query.after)
      .where('r.stream_pos', '<=', query.upTo)
    if (query.relType !== undefined) select = select.where('r.rel_type', '=', query.relType)
    if (query.eventType !== undefined) select = select.where('e.type', '=', query.eventType)
    const rows = await select
      .orderBy('r.stream_pos', dir === 'b' ? 'desc' : 'asc')
      .limit(limit)
      .execute()
    if (rows.length === limit) isLast = false
    for (const row of rows) {
      const between = [row.parent_id, row.grandparent_id ?? ''].slice(0, index)
      // In old rooms events choose their ids, so that chains may be rings.
      if (row.event_id === query.ancestorId || found.has(row.event_nid)) continue
      found.set(row.event_nid, { event: toStoredEvent(row), between })
    }
  }
  const sign = dir === 'b' ? -1 : 1
  const position = ({ event }: Descendant) => event.streamPos ?? 0
  const page = [...found.values()].sort((a, b) => sign * (position(a) - position(b))).slice(0, limit)
  return { page, isLast: isLast && page.length === found.size }
}

/** Those of the events that are children of the given types, by id. */
export async function listMatching(
  reader: Reader,
  eventIds: readonly string[],
  relType: string,
  eventType: string | undefined,
): Promise<ReadonlySet<string>> {
  if (eventIds.length === 0) return new Set()
  let select = reader.qb
    .selectFrom('events as e')
    .innerJoin('relations as r', 'r.event_nid', 'e.event_nid')
    .select('e.event_id')
    .where('e.event_id', 'in', eventIds)
    .where('r.rel_type', '=', relType)
  if (eventType !== undefined) select = select.where('e.type', '=', eventType)
  return new Set((await select.execute()).map((row) => row.event_id))
}
