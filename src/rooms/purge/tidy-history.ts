import type { Database, Tx } from '../../db/database.ts'
import { deleteRows, inPages } from '../../db/delete-pages.ts'
import { prevEventIds } from '../../matrix/event-references.ts'
import { createYielder } from '../../util/async.ts'
import { listPlaced as listPlacedIds } from '../history/store-history.ts'
import { insertGap } from '../ingest/store-places.ts'
import { getEventByNid } from '../store-events.ts'
import type { PurgedRoom } from './ports.ts'
import { listPlaced } from './store-purge.ts'
import { lostSubscriptions } from './store-purge-rows.ts'
import { deleteEdge, deleteReceipt, listBroken, listReceipts } from './store-tidy.ts'

const page = 500
const label = 'purge history'

/** Notes where history breaks off now, so that it can be fetched again, and forgets receipts for what is gone. */
export async function tidyHistory(db: Database, room: PurgedRoom, before: number, signal: AbortSignal): Promise<void> {
  await markGaps(db, room.nid, signal)
  await removeReceipts(db, room.nid, before, signal)
  await deleteRows(db, label, signal, [lostSubscriptions(room.nid)])
}

async function markGaps(db: Database, roomNid: number, signal: AbortSignal): Promise<void> {
  const pause = createYielder()
  for (let after = Number.MIN_SAFE_INTEGER, isMore = true; isMore; await pause()) {
    signal.throwIfAborted()
    const range = { roomNid, after, before: Number.MAX_SAFE_INTEGER, limit: page }
    const { broken, upTo } = await db.read(async (reader) => {
      const events = await listPlaced(reader, range)
      isMore = events.length === page
      const upTo = events.at(-1)?.stream_pos ?? after
      return { broken: await listBroken(reader, { roomNid, after, upTo }), upTo }
    })
    const left = [...broken]
    await inPages(db, label, signal, async (tx, limit) => {
      const some = left.splice(0, limit)
      for (const edge of some) await breakOff(tx, roomNid, edge)
      return some.length
    })
    after = upTo
  }
}

async function breakOff(tx: Tx, roomNid: number, edge: { event_nid: number; prev_nid: number }): Promise<void> {
  const event = await getEventByNid(tx, edge.event_nid)
  if (event === undefined) return
  const ids = prevEventIds(event.pdu)
  const placed = await listPlacedIds(tx, roomNid, ids)
  for (const id of ids) if (!placed.has(id)) await insertGap(tx, id, event.nid)
  await deleteEdge(tx, edge)
}

async function removeReceipts(db: Database, roomNid: number, before: number, signal: AbortSignal): Promise<void> {
  let after = { user_id: '', receipt_type: '', thread_id: '' }
  await inPages(db, label, signal, async (tx, limit) => {
    const receipts = await listReceipts(tx, { roomNid, after, before, limit })
    for (const receipt of receipts) if (receipt.is_open === 0) await deleteReceipt(tx, roomNid, receipt)
    after = receipts.at(-1) ?? after
    return receipts.length
  })
}
