import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { EventId } from '../matrix/ids.ts'
import type { Extremity } from './types.ts'

const furtherOf = prepare((qb, p: { roomNid: number }) =>
  qb
    .selectFrom('further_ends')
    .select(['event_nid', 'event_id', 'depth'])
    .where('room_nid', '=', p.roomNid)
    .orderBy('event_nid'),
)
const insertRow = prepare((qb, p: { roomNid: number; eventNid: number; eventId: string; depth: number }) =>
  qb
    .insertInto('further_ends')
    .values({ room_nid: p.roomNid, event_nid: p.eventNid, event_id: p.eventId, depth: p.depth }),
)
const deleteRow = prepare((qb, p: { roomNid: number; eventNid: number }) =>
  qb.deleteFrom('further_ends').where('room_nid', '=', p.roomNid).where('event_nid', '=', p.eventNid),
)

/** Ends of a room beyond those that one event can follow, in the order in which they came. */
export async function listFurtherEnds(reader: Reader, roomNid: number): Promise<Extremity[]> {
  const rows = await furtherOf.all(reader, { roomNid })
  return rows.map((row) => [row.event_nid, row.event_id as EventId, row.depth])
}

export async function insertFurtherEnd(tx: Tx, roomNid: number, [eventNid, eventId, depth]: Extremity): Promise<void> {
  await insertRow.run(tx, { roomNid, eventNid, eventId, depth })
}

export async function deleteFurtherEnd(tx: Tx, roomNid: number, eventNid: number): Promise<void> {
  await deleteRow.run(tx, { roomNid, eventNid })
}
