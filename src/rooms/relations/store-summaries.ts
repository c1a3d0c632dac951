import { sql } from 'kysely'
import type { Reader } from '../../db/database.ts'
import { type Prepared, prepare } from '../../db/prepare.ts'

/** That an event has children of a type that is summed up; the counts are those of threads. */
export interface Summary {
  parent_id: string
  rel_type: string
  replies: number
  latest_pos: number
}

type IdSlots = { roomNid: number } & Record<`id${number}`, string>

/** One compiled query for each size of a list: shorter lists repeat their last id. */
function summariesOf(size: number): Prepared<IdSlots, Summary> {
  return prepare((qb, p: IdSlots) => {
    const ids = Array.from({ length: size }, (_, i) => p[`id${i}`] ?? '')
    return qb
      .selectFrom('threads')
      .select(['root_id as parent_id', sql<string>`'m.thread'`.as('rel_type'), 'replies', 'latest_pos'])
      .where('room_nid', '=', p.roomNid)
      .where('root_id', 'in', ids)
      .unionAll(
        qb
          .selectFrom('relations')
          .select(['parent_id', 'rel_type', sql<number>`0`.as('replies'), sql<number>`0`.as('latest_pos')])
          .where('parent_id', 'in', ids)
          .where('rel_type', 'in', [sql.lit('m.replace'), sql.lit('m.reference')])
          .groupBy(['parent_id', 'rel_type']),
      )
  })
}

const largest = 128
const sizes = [1, 8, 32, largest].map((size) => ({ size, query: summariesOf(size) }))

/** What there is to sum up for events, in one query for a page of them; mostly nothing. */
export async function listSummaries(reader: Reader, roomNid: number, ids: readonly string[]): Promise<Summary[]> {
  const found: Summary[] = []
  for (let from = 0; from < ids.length; from += largest) {
    const part = ids.slice(from, from + largest)
    const last = part.at(-1) ?? ''
    for (const { size, query } of sizes) {
      if (size < part.length) continue
      const slots: IdSlots = { roomNid }
      for (let i = 0; i < size; i++) slots[`id${i}`] = part[i] ?? last
      found.push(...(await query.all(reader, slots)))
      break
    }
  }
  return found
}

export interface Child {
  event_nid: number
  sender: string
  stream_pos: number
}

interface ChildrenQuery {
  roomNid: number
  parentId: string
  relType: string
  /** Exclusive. */
  before: number
  limit: number
}

const children = prepare((qb, p: ChildrenQuery) =>
  qb
    .selectFrom('relations')
    .select(['event_nid', 'sender', 'stream_pos'])
    .where('parent_id', '=', p.parentId)
    .where('rel_type', '=', p.relType)
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', '<', p.before)
    .orderBy('stream_pos', 'desc')
    .limit(p.limit),
)

/** The newest children of one type, newest first. */
export function listNewestChildren(reader: Reader, query: ChildrenQuery): Promise<Child[]> {
  return children.all(reader, query)
}

const edits = prepare((qb, p: { roomNid: number; parentId: string; sender: string; limit: number }) =>
  qb
    .selectFrom('relations')
    .select('event_nid')
    .where('parent_id', '=', p.parentId)
    .where('rel_type', '=', sql.lit('m.replace'))
    .where('sender', '=', p.sender)
    .where('room_nid', '=', p.roomNid)
    .orderBy('origin_server_ts', 'desc')
    .limit(p.limit),
)

/** Events by which a sender may have edited one of their own, those with the latest time. */
export async function listEdits(
  reader: Reader,
  query: { roomNid: number; parentId: string; sender: string; limit: number },
): Promise<number[]> {
  return (await edits.all(reader, query)).map((row) => row.event_nid)
}

const replyBy = prepare((qb, p: { roomNid: number; rootId: string; sender: string }) =>
  qb
    .selectFrom('relations')
    .select('event_nid')
    .where('parent_id', '=', p.rootId)
    .where('rel_type', '=', sql.lit('m.thread'))
    .where('sender', '=', p.sender)
    .where('room_nid', '=', p.roomNid)
    .limit(1),
)

export async function hasReplied(reader: Reader, roomNid: number, rootId: string, sender: string): Promise<boolean> {
  return (await replyBy.first(reader, { roomNid, rootId, sender })) !== undefined
}

const repliesBySender = prepare((qb, p: { roomNid: number; rootId: string; upTo: number }) =>
  qb
    .selectFrom('relations')
    .select(['sender', (eb) => eb.fn.countAll<number>().as('replies')])
    .where('parent_id', '=', p.rootId)
    .where('rel_type', '=', sql.lit('m.thread'))
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', '<=', p.upTo)
    .groupBy('sender'),
)

/** How many replies each sender wrote in a thread up to a position. */
export function countRepliesBySender(reader: Reader, query: { roomNid: number; rootId: string; upTo: number }) {
  return repliesBySender.all(reader, query)
}
