import type { Database } from '../db/database.ts'
import { deleteRows, inPages } from '../db/delete-pages.ts'
import type { PurgeHook } from '../rooms/purge/ports.ts'
import { markRead } from './reading.ts'
import { highlightsOf, listBehind, listCounted, rowsBefore, rowsOfRoom } from './store-purge.ts'

const label = 'purge counts'

/** Forgets what was counted in rooms that are removed. Where history is removed, everybody has read it. */
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
    history: async ({ nid }, before, signal) => {
      const read = before - 1
      await inPages(db, label, signal, async (tx, limit) => {
        const users = await listBehind(tx, nid, read, limit)
        for (const userId of users) await markRead(tx, nid, userId, '', read)
        return users.length
      })
      await forgetHighlights(nid, before, signal)
      await deleteRows(db, label, signal, rowsBefore(nid, before))
    },
    room: async ({ nid }, signal) => {
      await forgetHighlights(nid, undefined, signal)
      await deleteRows(db, label, signal, rowsOfRoom(nid))
    },
  }
}
