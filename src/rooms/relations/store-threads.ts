import type { Reader } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import { toStoredEvent } from '../store-events.ts'
import type { StoredEvent } from '../types.ts'

export interface Thread {
  readonly rootId: string
  /** Stream position of the newest reply. */
  readonly latest: number
}

const newestThreads = prepare((qb, p: { roomNid: number; upTo: number; limit: number }) =>
  qb
    .selectFrom('threads')
    .select(['root_id', 'latest_pos'])
    .where('room_nid', '=', p.roomNid)
    .where('latest_pos', '<=', p.upTo)
    .orderBy('latest_pos', 'desc')
    .limit(p.limit),
)

/** Threads by their newest reply, whoever wrote it. */
export async function listThreads(reader: Reader, roomNid: number, upTo: number, limit: number): Promise<Thread[]> {
  const rows = await newestThreads.all(reader, { roomNid, upTo, limit })
  return rows.map((row) => ({ rootId: row.root_id, latest: row.latest_pos }))
}

interface ThreadsRange {
  readonly roomNid: number
  /** Exclusive lower and inclusive upper stream positions of the newest reply. */
  readonly after: number
  readonly upTo: number
  readonly limit: number
}

const threadsWithSenders = prepare((qb, p: ThreadsRange) =>
  qb
    .selectFrom('threads as t')
    .innerJoin('relations as r', (join) =>
      join.onRef('r.parent_id', '=', 't.root_id').onRef('r.stream_pos', '=', 't.latest_pos'),
    )
    .select(['t.root_id', 't.latest_pos', 'r.sender'])
    .where('t.room_nid', '=', p.roomNid)
    .where('t.latest_pos', '>', p.after)
    .where('t.latest_pos', '<=', p.upTo)
    .orderBy('t.latest_pos', 'desc')
    .limit(p.limit),
)

/** Threads by their newest reply, with who wrote that. */
export async function listThreadsWithSenders(
  reader: Reader,
  range: ThreadsRange,
): Promise<(Thread & { readonly sender: string })[]> {
  const rows = await threadsWithSenders.all(reader, range)
  return rows.map((row) => ({ rootId: row.root_id, latest: row.latest_pos, sender: row.sender }))
}

/** Those of the events that we have in the room's timeline, by id. */
export async function listRoots(
  reader: Reader,
  roomNid: number,
  eventIds: readonly string[],
): Promise<ReadonlyMap<string, StoredEvent>> {
  if (eventIds.length === 0) return new Map()
  const rows = await reader.qb
    .selectFrom('events')
    .selectAll()
    .where('event_id', 'in', eventIds)
    .where('room_nid', '=', roomNid)
    .where('status', '=', 0)
    .where('stream_pos', 'is not', null)
    .execute()
  return new Map(rows.map((row) => [row.event_id, toStoredEvent(row)]))
}
