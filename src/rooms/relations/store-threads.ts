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

const latestBySender = prepare((qb, p: { roomNid: number; upTo: number }) =>
  qb
    .selectFrom('threads as t')
    .innerJoin('relations as r', (join) =>
      join.onRef('r.parent_id', '=', 't.root_id').onRef('r.room_nid', '=', 't.room_nid'),
    )
    .select((eb) => ['t.root_id', 'r.sender', eb.fn.max('r.stream_pos').as('latest')])
    .where('t.room_nid', '=', p.roomNid)
    .where('r.rel_type', '=', 'm.thread')
    .where('r.stream_pos', '<=', p.upTo)
    .groupBy(['t.root_id', 'r.sender']),
)

/** Every thread with its newest reply up to a position that is by nobody of these senders, newest first. */
export async function listThreadsWithout(
  reader: Reader,
  roomNid: number,
  upTo: number,
  ignored: ReadonlySet<string>,
): Promise<Thread[]> {
  const latest = new Map<string, number>()
  for (const row of await latestBySender.all(reader, { roomNid, upTo })) {
    if (!ignored.has(row.sender)) latest.set(row.root_id, Math.max(row.latest, latest.get(row.root_id) ?? row.latest))
  }
  return [...latest].map(([rootId, pos]) => ({ rootId, latest: pos })).sort((a, b) => b.latest - a.latest)
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
