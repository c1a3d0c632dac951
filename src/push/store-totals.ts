import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { Tally } from './tally.ts'

/** Totals of a series up to a position: of all events, and of those among them that are in threads. */
export interface Totals {
  readonly all: Tally
  readonly threads: Tally
}

/** One event in a series. */
export type Mark = readonly [pos: number, n: number, h: number, isInThread: 0 | 1]

export interface TotalsRow extends Totals {
  readonly pos: number
  readonly marks: readonly Mark[] | undefined
}

export interface SeriesKey {
  readonly roomNid: number
  readonly classNid: number
  /** Empty: the whole room; else the root of a thread. */
  readonly series: string
}

interface Place extends SeriesKey {
  readonly pos: number
}

const lastUpTo = prepare((qb, p: Place) =>
  qb
    .selectFrom('push_totals')
    .selectAll()
    .where('room_nid', '=', p.roomNid)
    .where('class_nid', '=', p.classNid)
    .where('series', '=', p.series)
    .where('pos', '<=', p.pos)
    .orderBy('pos', 'desc')
    .limit(1),
)
const firstAfter = prepare((qb, p: Place) =>
  qb
    .selectFrom('push_totals')
    .selectAll()
    .where('room_nid', '=', p.roomNid)
    .where('class_nid', '=', p.classNid)
    .where('series', '=', p.series)
    .where('pos', '>', p.pos)
    .orderBy('pos', 'asc')
    .limit(1),
)
const insertRow = prepare(
  (qb, p: Place & { n: number; h: number; threadN: number; threadH: number; marks: string | null }) =>
    qb.insertInto('push_totals').values({
      room_nid: p.roomNid,
      class_nid: p.classNid,
      series: p.series,
      pos: p.pos,
      notifications: p.n,
      highlights: p.h,
      thread_notifications: p.threadN,
      thread_highlights: p.threadH,
      marks: p.marks,
    }),
)

type Row = NonNullable<Awaited<ReturnType<typeof lastUpTo.first>>>

function toTotals(row: Row | undefined): TotalsRow | undefined {
  if (row === undefined) return undefined
  return {
    pos: row.pos,
    all: { n: row.notifications, h: row.highlights },
    threads: { n: row.thread_notifications, h: row.thread_highlights },
    marks: row.marks === null ? undefined : (JSON.parse(row.marks) as Mark[]),
  }
}

/** The last row of a series with its position at or before `pos`. */
export async function getLastTotals(reader: Reader, key: SeriesKey, pos: number): Promise<TotalsRow | undefined> {
  return toTotals(await lastUpTo.first(reader, { ...key, pos }))
}

/** The first row of a series with its position after `pos`: some of its events may be before. */
export async function getNextTotals(reader: Reader, key: SeriesKey, pos: number): Promise<TotalsRow | undefined> {
  return toTotals(await firstAfter.first(reader, { ...key, pos }))
}

export async function insertTotals(tx: Tx, key: SeriesKey, row: TotalsRow): Promise<void> {
  await insertRow.run(tx, {
    ...key,
    pos: row.pos,
    n: row.all.n,
    h: row.all.h,
    threadN: row.threads.n,
    threadH: row.threads.h,
    marks: row.marks === undefined ? null : JSON.stringify(row.marks),
  })
}

const upsertThreadRow = prepare((qb, p: { roomNid: number; threadId: string; pos: number }) =>
  qb
    .insertInto('push_threads')
    .values({ room_nid: p.roomNid, thread_id: p.threadId, last_pos: p.pos })
    .onConflict((c) =>
      c.columns(['room_nid', 'thread_id']).doUpdateSet({ last_pos: p.pos }).where('push_threads.last_pos', '<', p.pos),
    ),
)
const threadsAfter = prepare((qb, p: { roomNid: number; pos: number }) =>
  qb.selectFrom('push_threads').select('thread_id').where('room_nid', '=', p.roomNid).where('last_pos', '>', p.pos),
)

export async function upsertThread(tx: Tx, roomNid: number, threadId: string, pos: number): Promise<void> {
  await upsertThreadRow.run(tx, { roomNid, threadId, pos })
}

/** Threads in which something notified somebody after `pos`. */
export async function listThreadsAfter(reader: Reader, roomNid: number, pos: number): Promise<string[]> {
  return (await threadsAfter.all(reader, { roomNid, pos })).map((row) => row.thread_id)
}
