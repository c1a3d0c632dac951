import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'

export interface QueuedBotEvent {
  readonly bot: string
  readonly position: number
  readonly roomNid: number
  readonly nid: number
}

const insert = prepare((qb, p: QueuedBotEvent) =>
  qb
    .insertInto('bot_events')
    .values({
      bot: p.bot,
      stream_pos: p.position,
      room_nid: p.roomNid,
      event_nid: p.nid,
      attempts: 0,
      retry_ts: 0,
      last_error: null,
    })
    .onConflict((conflict) => conflict.columns(['bot', 'stream_pos']).doNothing()),
)

export async function queueBotEvent(tx: Tx, event: QueuedBotEvent): Promise<void> {
  await insert.run(tx, event)
}

const next = prepare((qb, p: { bot: string; roomNid: number }) =>
  qb
    .selectFrom('bot_events')
    .selectAll()
    .where('bot', '=', p.bot)
    .where('room_nid', '=', p.roomNid)
    .orderBy('stream_pos')
    .limit(1),
)

/** The oldest event of a room that the bot has not dealt with. */
export const getNextBotEvent = (reader: Reader, bot: string, roomNid: number) => next.first(reader, { bot, roomNid })

/** The rooms with events that wait, for all bots. */
export function listBotRooms(reader: Reader): Promise<{ bot: string; room_nid: number }[]> {
  return reader.qb.selectFrom('bot_events').select(['bot', 'room_nid']).distinct().execute()
}

const remove = prepare((qb, p: { bot: string; position: number }) =>
  qb.deleteFrom('bot_events').where('bot', '=', p.bot).where('stream_pos', '=', p.position),
)

export async function deleteBotEvent(tx: Tx, bot: string, position: number): Promise<void> {
  await remove.run(tx, { bot, position })
}

export async function postponeBotEvent(
  tx: Tx,
  bot: string,
  position: number,
  failure: { attempts: number; retryTs: number; error: string },
): Promise<void> {
  await tx.qb
    .updateTable('bot_events')
    .set({ attempts: failure.attempts, retry_ts: failure.retryTs, last_error: failure.error })
    .where('bot', '=', bot)
    .where('stream_pos', '=', position)
    .execute()
}

/** Forgets what waits for bots that are not run any more. */
export async function deleteOtherBots(tx: Tx, bots: readonly string[]): Promise<void> {
  await tx.qb
    .deleteFrom('bot_events')
    .$if(bots.length > 0, (query) => query.where('bot', 'not in', bots))
    .execute()
}
