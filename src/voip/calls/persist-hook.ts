import type { Tx } from '../../db/database.ts'
import type { PersistedBatch, StoredEvent } from '../../rooms/types.ts'
import type { Clock } from '../../util/clock.ts'
import type { Ledger } from './ledger.ts'
import { legacyTypes, readLegacy } from './wire/legacy.ts'
import type { SeenEvent } from './wire/seen-event.ts'

export interface CallHookDeps {
  readonly clock: Clock
  readonly ledger: Ledger
}

/** What comes later is history, or from a clock that is wrong. */
const freshFor = 60_000

const legacy = new Set<string>(legacyTypes)

/** Follows in the ledger what happens in rooms. Nearly all events are about no call, and cost a look at their type. */
export function createCallHook({ clock, ledger }: CallHookDeps) {
  const isFresh = ({ pdu }: StoredEvent, now: number) => Math.abs(pdu.origin_server_ts - now) <= freshFor

  const seen = ({ eventId, pdu }: StoredEvent, now: number): SeenEvent => ({
    eventId,
    pdu,
    ts: Math.min(pdu.origin_server_ts, now),
  })

  return async (tx: Tx, { room, events }: PersistedBatch): Promise<void> => {
    for (const event of events) {
      const { type } = event.pdu
      if (!legacy.has(type) || event.status !== 0) continue
      const now = clock.now()
      if (!isFresh(event, now)) continue
      const evidence = readLegacy(seen(event, now))
      if (evidence !== undefined) await ledger.record(tx, room.roomId, evidence)
    }
  }
}
