import type { Tx } from '../../db/database.ts'
import { hasUserIdShape } from '../../matrix/ids.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { PersistedBatch, PersistHook, StoredEvent } from '../../rooms/types.ts'
import type { Clock } from '../../util/clock.ts'
import type { Evidence } from './kernel/evidence.ts'
import type { Ledger } from './ledger.ts'
import { memberStateTypes } from './wire/member-state.ts'
import { observe } from './wire/observe.ts'
import { callTypes } from './wire/read-event.ts'
import type { SeenEvent } from './wire/seen-event.ts'

export interface CallHookDeps {
  readonly clock: Clock
  readonly reads: Pick<RoomReads, 'view'>
  readonly ledger: Pick<Ledger, 'record'>
}

/** Follows in the ledger what happens in rooms. Nearly all events are about no call, and cost a look at their type. */
export function createCallHook({ clock, reads, ledger }: CallHookDeps): PersistHook {
  async function read(tx: Tx, event: StoredEvent, batch: PersistedBatch): Promise<Evidence | undefined> {
    const { pdu } = event
    if (!memberStateTypes.has(pdu.type)) return observe(seenOf(event), undefined, clock.now())
    // What lost against another branch of the room does not stand.
    if (pdu.state_key === undefined || !batch.currentChanges.some(({ nid }) => nid === event.nid)) return undefined
    const before = await reads.view.entry(tx, event.beforeNid, pdu.type, pdu.state_key)
    return observe(seenOf(event), before && seenOf(before), clock.now())
  }

  return async (tx, batch) => {
    const { room, events, redacted } = batch
    for (const event of events) {
      const { type } = event.pdu
      if (event.status !== 0) continue
      if (callTypes.has(type)) {
        const evidence = await read(tx, event, batch)
        if (evidence !== undefined) await ledger.record(tx, room.roomId, evidence)
      } else if (type === 'm.room.member') {
        const out = goneFromRoom(event, clock.now())
        if (out !== undefined) await ledger.record(tx, room.roomId, out)
      }
    }
    for (const { eventId, pdu } of redacted) {
      if (callTypes.has(pdu.type)) await ledger.record(tx, room.roomId, { what: 'redacted', eventId, ts: clock.now() })
    }
  }
}

const seenOf = ({ eventId, pdu }: StoredEvent): SeenEvent => ({ eventId, pdu, ts: pdu.origin_server_ts })

function goneFromRoom({ pdu }: StoredEvent, ts: number): Evidence | undefined {
  const { content, state_key: userId } = pdu
  const isGone = content.membership === 'leave' || content.membership === 'ban'
  return isGone && userId !== undefined && hasUserIdShape(userId) ? { what: 'out', by: userId, ts } : undefined
}
