import type { Database } from '../db/database.ts'
import { deleteRows } from '../db/delete-pages.ts'
import type { PurgeHook } from '../rooms/purge/ports.ts'
import { callsIn } from './calls/store-purge.ts'
import { delayedIn } from './delayed/store-purge.ts'
import { participantsIn } from './livekit/participants/store-purge.ts'

/** Forgets the calls in a room that is removed, and what was to be sent to it. */
export function createVoipPurgeHook(db: Database): PurgeHook {
  return {
    room: ({ roomId }, signal) =>
      deleteRows(db, 'purge calls', signal, [...callsIn(roomId), delayedIn(roomId), participantsIn(roomId)]),
  }
}
