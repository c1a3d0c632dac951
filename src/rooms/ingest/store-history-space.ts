import type { Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'

const historyCounter = 'history'
const takePositions = prepare((qb, p: { n: number }) =>
  qb
    .insertInto('streams')
    .values({ name: historyCounter, position: p.n })
    .onConflict((c) =>
      c.column('name').doUpdateSet((eb) => ({ position: eb('streams.position', '+', eb.ref('excluded.position')) })),
    )
    .returning('position'),
)

/** The lowest of `n` positions below all that were taken before, in any room. */
async function allocateOldest(tx: Tx, n: number): Promise<number> {
  const row = await takePositions.first(tx, { n })
  if (row === undefined) throw new Error('the counter of the history is missing')
  return -row.position
}

const insertRow = prepare((qb, p: { roomNid: number; low: number; high: number }) =>
  qb.insertInto('history_space').values({ room_nid: p.roomNid, low: p.low, high: p.high }),
)
const spaceBefore = prepare((qb, p: { roomNid: number; pos: number }) =>
  qb
    .selectFrom('history_space')
    .select(['low', 'high'])
    .where('room_nid', '=', p.roomNid)
    .where('high', '<', p.pos)
    .orderBy('high', 'desc')
    .limit(1),
)
const eventBetween = prepare((qb, p: { roomNid: number; after: number; before: number }) =>
  qb
    .selectFrom('events')
    .select('event_nid')
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', '>', p.after)
    .where('stream_pos', '<', p.before)
    .limit(1),
)
const shrink = prepare((qb, p: { roomNid: number; high: number; newHigh: number }) =>
  qb.updateTable('history_space').set({ high: p.newHigh }).where('room_nid', '=', p.roomNid).where('high', '=', p.high),
)

/** Keeps positions free for what comes before an event and is not here. */
export async function insertHistorySpace(tx: Tx, space: { roomNid: number; low: number; high: number }): Promise<void> {
  await insertRow.run(tx, space)
}

/**
 * Takes `n` positions for history that comes right before the event at `pos`, and returns the lowest: in the space that was
 * kept for it, else before all that the room has.
 */
export async function allocateHistory(tx: Tx, roomNid: number, pos: number, n: number): Promise<number> {
  const space = await spaceBefore.first(tx, { roomNid, pos })
  if (space === undefined || space.high - space.low < n) return allocateOldest(tx, n)
  const { high } = space
  const between = await eventBetween.first(tx, { roomNid, after: high, before: pos })
  if (between !== undefined) return allocateOldest(tx, n)
  await shrink.run(tx, { roomNid, high, newHigh: high - n })
  return high - n + 1
}
