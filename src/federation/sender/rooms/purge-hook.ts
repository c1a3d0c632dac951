import type { Database } from '../../../db/database.ts'
import { deleteRows } from '../../../db/delete-pages.ts'
import type { PurgeHook } from '../../../rooms/purge/ports.ts'
import { listQueueing, owedTo, serversOf } from './store-purge.ts'

const page = 100
const label = 'purge federation queue'

/** Forgets who is in a room that is removed, and what others would have been sent of it. */
export function createSenderPurgeHook(db: Database): PurgeHook {
  return {
    room: async ({ nid }, signal) => {
      await deleteRows(db, label, signal, [serversOf(nid)])
      for (let after = '', isMore = true; isMore; ) {
        const from = after
        const servers = await db.read((reader) => listQueueing(reader, from, page))
        await deleteRows(
          db,
          label,
          signal,
          servers.map((server) => owedTo(server, nid)),
        )
        after = servers.at(-1) ?? after
        isMore = servers.length === page
      }
    },
  }
}
