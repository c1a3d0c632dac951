import type { Database, Tx } from '../db/database.ts'
import { deleteRows, inPages } from '../db/delete-pages.ts'
import type { PurgeHook } from '../rooms/purge/ports.ts'
import { forgetRedacted } from './redactions.ts'
import { deleteExceptionsAt, getReadByAll, highlightsOf, listCounted, rowsBefore, rowsOfRoom } from './store-purge.ts'

const label = 'purge counts'

/**
 * Forgets what was counted of events that are removed. For those who have not read them they count like redacted ones; totals go
 * where everybody has read further.
 */
export function createPushPurgeHook(db: Database): PurgeHook {
  async function forgetHighlights(roomNid: number, before: number | undefined, signal: AbortSignal): Promise<void> {
    const users = await db.read((reader) => listCounted(reader, roomNid))
    await inPages(db, label, signal, async (tx, limit) => {
      const page = users.splice(0, limit)
      for (const userId of page) await highlightsOf(userId, roomNid, before)(tx, Number.MAX_SAFE_INTEGER)
      return page.length
    })
  }

  return {
    events: async (tx: Tx, { nid }, events) => {
      const read = (await getReadByAll(tx, nid)) ?? Number.MAX_SAFE_INTEGER
      for (const event of events) if ((event.streamPos ?? 0) > read) await forgetRedacted(tx, nid, event)
      await deleteExceptionsAt(
        tx,
        nid,
        events.flatMap(({ streamPos }) => streamPos ?? []),
      )
    },
    history: async ({ nid }, before, signal) => {
      const read = (await db.read((reader) => getReadByAll(reader, nid))) ?? before
      await forgetHighlights(nid, before, signal)
      await deleteRows(db, label, signal, rowsBefore(nid, before, Math.min(before, read)))
    },
    room: async ({ nid }, signal) => {
      await forgetHighlights(nid, undefined, signal)
      await deleteRows(db, label, signal, rowsOfRoom(nid))
    },
  }
}
