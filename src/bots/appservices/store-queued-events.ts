import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'

export interface QueuedEvent {
  readonly stream_pos: number
  readonly event_nid: number
}

const insertEventRow = prepare((qb, p: { id: string; position: number; nid: number }) =>
  qb
    .insertInto('appservice_events')
    .values({ appservice_id: p.id, stream_pos: p.position, event_nid: p.nid })
    .onConflict((c) => c.doNothing()),
)
const eventPage = prepare((qb, p: { id: string; upTo: number; limit: number }) =>
  qb
    .selectFrom('appservice_events')
    .select(['stream_pos', 'event_nid'])
    .where('appservice_id', '=', p.id)
    .where('stream_pos', '<=', p.upTo)
    .orderBy('stream_pos')
    .limit(p.limit),
)
const deleteEventRows = prepare((qb, p: { id: string; upTo: number }) =>
  qb.deleteFrom('appservice_events').where('appservice_id', '=', p.id).where('stream_pos', '<=', p.upTo),
)

export async function queueEvent(tx: Tx, id: string, event: { position: number; nid: number }): Promise<void> {
  await insertEventRow.run(tx, { id, ...event })
}

/** The oldest events that wait, up to a stream position. */
export const listQueuedEvents = (reader: Reader, id: string, upTo: number, limit: number): Promise<QueuedEvent[]> =>
  eventPage.all(reader, { id, upTo, limit })

export async function deleteQueuedEvents(tx: Tx, id: string, upTo: number): Promise<void> {
  await deleteEventRows.run(tx, { id, upTo })
}
