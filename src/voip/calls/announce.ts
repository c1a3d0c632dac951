import type { Tx } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Live } from '../live/live.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import { callObject, callOf } from './call-object.ts'
import type { CallRow } from './store-calls.ts'
import { listParties } from './store-parties.ts'
import type { CallHook } from './types.ts'

export interface AnnounceDeps {
  readonly live: Pick<Live, 'publish'>
  readonly webhooks: Pick<Webhooks, 'emit'>
  readonly hooks: readonly CallHook[]
}

/** Tells the other parts, people's live sockets and webhooks of changes in the ledger, in their transaction. */
export interface Announce {
  opened(tx: Tx, row: CallRow): Promise<void>
  /** Somebody has come to a call of a group. */
  came(tx: Tx, row: CallRow, userId: UserId): Promise<void>
  settled(tx: Tx, row: CallRow): Promise<void>
  /** Somebody hung up a call that had been answered. */
  ended(tx: Tx, row: CallRow): Promise<void>
}

export function createAnnounce({ live, webhooks, hooks }: AnnounceDeps): Announce {
  const tell = (tx: Tx, row: CallRow, userId: UserId) =>
    live.publish(tx, userId, { type: 'call', ...callObject(callOf(row), userId) })

  async function publish(tx: Tx, row: CallRow): Promise<void> {
    // The table holds users of this server.
    for (const userId of await listParties(tx, row.call_nid)) await tell(tx, row, userId as UserId)
  }

  return {
    opened: async (tx, row) => {
      for (const hook of hooks) await hook.opened?.(tx, callOf(row))
      await publish(tx, row)
    },
    settled: async (tx, row) => {
      const call = callOf(row)
      for (const hook of hooks) await hook.settled(tx, call)
      await publish(tx, row)
      if (call.outcome !== 'missed' && call.outcome !== 'busy') return
      await webhooks.emit(tx, 'call.missed', {
        call_id: call.callId,
        room_id: call.roomId,
        caller: call.caller,
        callee: call.callee ?? null,
        kind: call.kind,
        outcome: call.outcome,
        started_ts: call.startedTs,
        ended_ts: call.endedTs ?? null,
      })
    },
    came: tell,
    ended: publish,
  }
}
