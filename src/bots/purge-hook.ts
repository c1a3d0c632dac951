import type { Database } from '../db/database.ts'
import { deleteRows } from '../db/delete-pages.ts'
import type { PurgeHook } from '../rooms/purge/ports.ts'
import { rowsOfRoom } from './store-purge.ts'

/** Forgets what bots, application services and the voicemail keep about a room that is removed. */
export function createBotPurgeHook(db: Database): PurgeHook {
  return { room: (room, signal) => deleteRows(db, 'purge bots', signal, rowsOfRoom(room)) }
}
