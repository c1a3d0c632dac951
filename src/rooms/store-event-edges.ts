import type { Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

const insertEdgeRow = prepare((qb, p: { event_nid: number; prev_nid: number }) =>
  qb
    .insertInto('event_edges')
    .values({ event_nid: p.event_nid, prev_nid: p.prev_nid })
    .onConflict((c) => c.doNothing()),
)
const insertAuthRow = prepare((qb, p: { event_nid: number; auth_nid: number }) =>
  qb
    .insertInto('event_auth')
    .values({ event_nid: p.event_nid, auth_nid: p.auth_nid })
    .onConflict((conflict) => conflict.doNothing()),
)

/** Notes that an event follows another. */
export async function insertEdge(tx: Tx, eventNid: number, prevNid: number): Promise<void> {
  await insertEdgeRow.run(tx, { event_nid: eventNid, prev_nid: prevNid })
}

/** Notes that an event is authorised by another. */
export async function insertAuthEdge(tx: Tx, eventNid: number, authNid: number): Promise<void> {
  await insertAuthRow.run(tx, { event_nid: eventNid, auth_nid: authNid })
}
