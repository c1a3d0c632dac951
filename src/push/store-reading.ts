import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { Tally } from './tally.ts'

/** An event with its place and what it counts. `threadId` is empty in the main timeline. */
export interface Counted extends Tally {
  readonly pos: number
  readonly threadId: string
}

interface Key {
  readonly roomNid: number
  readonly userId: string
}

const readOf = prepare((qb, p: Key & { threadId: string }) =>
  qb
    .selectFrom('push_reads')
    .select('pos')
    .where('room_nid', '=', p.roomNid)
    .where('user_id', '=', p.userId)
    .where('thread_id', '=', p.threadId),
)
const readsOf = prepare((qb, p: Key) =>
  qb
    .selectFrom('push_reads')
    .select(['thread_id', 'pos'])
    .where('room_nid', '=', p.roomNid)
    .where('user_id', '=', p.userId),
)
const upsertReadRow = prepare((qb, p: Key & { threadId: string; pos: number }) =>
  qb
    .insertInto('push_reads')
    .values({ room_nid: p.roomNid, user_id: p.userId, thread_id: p.threadId, pos: p.pos })
    .onConflict((c) => c.columns(['room_nid', 'user_id', 'thread_id']).doUpdateSet({ pos: p.pos })),
)
const deleteReadRows = prepare((qb, p: Key & { upTo: number }) =>
  qb
    .deleteFrom('push_reads')
    .where('room_nid', '=', p.roomNid)
    .where('user_id', '=', p.userId)
    .where('pos', '<=', p.upTo),
)

/** How far the user has read a thread, where that is kept; 0 else. */
export async function getRead(reader: Reader, key: Key, threadId: string): Promise<number> {
  return (await readOf.first(reader, { ...key, threadId }))?.pos ?? 0
}

export async function listReads(reader: Reader, key: Key): Promise<Map<string, number>> {
  return new Map((await readsOf.all(reader, key)).map((row) => [row.thread_id, row.pos]))
}

export async function putRead(tx: Tx, key: Key, threadId: string, pos: number): Promise<void> {
  await upsertReadRow.run(tx, { ...key, threadId, pos })
}

export async function deleteReads(tx: Tx, key: Key, upTo: number): Promise<void> {
  await deleteReadRows.run(tx, { ...key, upTo })
}

const exceptionsAfter = prepare((qb, p: Key & { after: number }) =>
  qb
    .selectFrom('push_exceptions')
    .selectAll()
    .where('room_nid', '=', p.roomNid)
    .where('user_id', '=', p.userId)
    .where('pos', '>', p.after),
)
const exceptionsAt = prepare((qb, p: { roomNid: number; pos: number }) =>
  qb.selectFrom('push_exceptions').selectAll().where('room_nid', '=', p.roomNid).where('pos', '=', p.pos),
)
const insertExceptionRow = prepare((qb, p: Key & Counted) =>
  qb.insertInto('push_exceptions').values({
    room_nid: p.roomNid,
    user_id: p.userId,
    pos: p.pos,
    thread_id: p.threadId,
    notifications: p.n,
    highlights: p.h,
  }),
)
const deleteExceptionRows = prepare((qb, p: Key & { upTo: number }) =>
  qb
    .deleteFrom('push_exceptions')
    .where('room_nid', '=', p.roomNid)
    .where('user_id', '=', p.userId)
    .where('pos', '<=', p.upTo),
)
const deleteExceptionRowsIn = prepare((qb, p: Key & { upTo: number; threadId: string }) =>
  qb
    .deleteFrom('push_exceptions')
    .where('room_nid', '=', p.roomNid)
    .where('user_id', '=', p.userId)
    .where('thread_id', '=', p.threadId)
    .where('pos', '<=', p.upTo),
)

const toCounted = (row: { pos: number; thread_id: string; notifications: number; highlights: number }): Counted => ({
  pos: row.pos,
  threadId: row.thread_id,
  n: row.notifications,
  h: row.highlights,
})

export async function listExceptions(reader: Reader, key: Key, after: number): Promise<Counted[]> {
  return (await exceptionsAfter.all(reader, { ...key, after })).map(toCounted)
}

/** What an event counts for single users beyond their class. */
export async function listExceptionsAt(reader: Reader, roomNid: number, pos: number) {
  const rows = await exceptionsAt.all(reader, { roomNid, pos })
  return rows.map((row) => ({ userId: row.user_id, ...toCounted(row) }))
}

export async function insertException(tx: Tx, key: Key, counted: Counted): Promise<void> {
  await insertExceptionRow.run(tx, { ...key, ...counted })
}

/** Forgets exceptions up to a position: all of them, or those of a thread (empty: of the main timeline). */
export async function deleteExceptions(tx: Tx, key: Key, upTo: number, threadId?: string): Promise<void> {
  if (threadId === undefined) await deleteExceptionRows.run(tx, { ...key, upTo })
  else await deleteExceptionRowsIn.run(tx, { ...key, upTo, threadId })
}
