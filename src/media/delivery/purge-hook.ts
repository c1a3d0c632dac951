import type { Tx } from '../../db/database.ts'
import type { Ledger } from './ledger.ts'
import { listShowing } from './store-links.ts'
import { putPolicy } from './store-policies.ts'

/** Follows what is removed from rooms: a message that is gone shows nothing any more, as if it had been redacted. */
export interface MediaPurgeHook {
  readonly events: (tx: Tx, room: { nid: number }, events: readonly { eventId: string }[]) => Promise<void>
  readonly policy: (tx: Tx, room: { nid: number }) => Promise<void>
}

export function createMediaPurgeHook(ledger: Pick<Ledger, 'unlinked'>): MediaPurgeHook {
  return {
    events: async (tx, { nid: roomNid }, events) => {
      const ids = events.map(({ eventId }) => eventId)
      for (const eventId of await listShowing(tx, roomNid, ids)) await ledger.unlinked(tx, { eventId, roomNid })
    },
    policy: (tx, { nid }) => putPolicy(tx, `room:${nid}`, undefined),
  }
}
