import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'

export interface LiveRow {
  readonly stream_pos: number
  readonly frame: string
}

const insert = prepare((qb, p: { userId: string; position: number; ts: number; frame: string }) =>
  qb.insertInto('live_events').values({ user_id: p.userId, stream_pos: p.position, ts: p.ts, frame: p.frame }),
)

export async function insertLiveEvent(
  tx: Tx,
  event: { userId: string; position: number; ts: number; frame: string },
): Promise<void> {
  await insert.run(tx, event)
}

const after = prepare((qb, p: { userId: string; position: number; limit: number }) =>
  qb
    .selectFrom('live_events')
    .select(['stream_pos', 'frame'])
    .where('user_id', '=', p.userId)
    .where('stream_pos', '>', p.position)
    .orderBy('stream_pos')
    .limit(p.limit),
)

/** The oldest rows after a position. */
export function listLiveEvents(reader: Reader, userId: string, position: number, limit: number): Promise<LiveRow[]> {
  return after.all(reader, { userId, position, limit })
}

const surplus = prepare((qb, p: { userId: string; kept: number }) =>
  qb
    .selectFrom('live_events')
    .select('stream_pos')
    .where('user_id', '=', p.userId)
    .orderBy('stream_pos', 'desc')
    .limit(1)
    .offset(p.kept),
)

/** The newest position of a user beyond the `kept` newest; undefined where there are no more. */
export async function getSurplusPosition(reader: Reader, userId: string, kept: number): Promise<number | undefined> {
  return (await surplus.first(reader, { userId, kept }))?.stream_pos
}

/** For up to `limit` users the newest position that is older than `ts`. */
export function listOutdated(
  reader: Reader,
  ts: number,
  limit: number,
): Promise<{ user_id: string; stream_pos: number }[]> {
  return reader.qb
    .selectFrom('live_events')
    .select((eb) => ['user_id', eb.fn.max<number>('stream_pos').as('stream_pos')])
    .where('ts', '<', ts)
    .groupBy('user_id')
    .limit(limit)
    .execute()
}

/** Deletes a user's rows up to a position, and remembers that. */
export async function pruneLiveEvents(tx: Tx, userId: string, position: number): Promise<void> {
  await tx.qb.deleteFrom('live_events').where('user_id', '=', userId).where('stream_pos', '<=', position).execute()
  await tx.qb
    .insertInto('live_pruned')
    .values({ user_id: userId, stream_pos: position })
    .onConflict((conflict) =>
      conflict.column('user_id').doUpdateSet({ stream_pos: position }).where('live_pruned.stream_pos', '<', position),
    )
    .execute()
}

const pruned = prepare((qb, p: { userId: string }) =>
  qb.selectFrom('live_pruned').select('stream_pos').where('user_id', '=', p.userId),
)

/** Up to where rows of a user are gone; 0: none ever was. */
export async function getPrunedPosition(reader: Reader, userId: string): Promise<number> {
  return (await pruned.first(reader, { userId }))?.stream_pos ?? 0
}

export async function deleteLiveEventsOf(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('live_events').where('user_id', '=', userId).execute()
  await tx.qb.deleteFrom('live_pruned').where('user_id', '=', userId).execute()
}
