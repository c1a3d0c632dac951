import type { Database } from '../../db/database.ts'
import { deleteRows } from '../../db/delete-pages.ts'
import type { PurgeHook } from '../../rooms/purge/ports.ts'
import { listConnections, sentOf } from './store-purge.ts'

const page = 200

/** Forgets what connections were sent of a room that is removed. */
export function createSlidingPurgeHook(db: Database): PurgeHook {
  return {
    room: async ({ nid }, signal) => {
      for (let after = Number.MIN_SAFE_INTEGER, isMore = true; isMore; ) {
        const from = after
        const connections = await db.read((reader) => listConnections(reader, from, page))
        if (connections.length > 0) await deleteRows(db, 'purge sliding sync', signal, [sentOf(connections, nid)])
        after = connections.at(-1) ?? after
        isMore = connections.length === page
      }
    },
  }
}
