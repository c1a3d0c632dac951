import type { Tx } from '../../db/database.ts'
import { policyType } from './choices.ts'
import type { Ledger } from './ledger.ts'
import type { Recipients } from './recipients.ts'
import type { RoomPolicies } from './room-policies.ts'
import type { SeenBatch } from './rooms-port.ts'

interface Deps {
  readonly ledger: Ledger
  readonly recipients: Recipients
  readonly policies: RoomPolicies
}

/** Follows in the ledger what happens in rooms. */
export function createLedgerHook({ ledger, recipients, policies }: Deps) {
  async function gone(tx: Tx, roomNid: number, userId: string): Promise<void> {
    const name = recipients.nameOf(userId)
    if (name === undefined) return
    if (name === userId || !(await recipients.isIn(tx, roomNid, name))) await ledger.left(tx, roomNid, name)
  }

  return async (tx: Tx, { room, events, currentChanges, removed, redacted }: SeenBatch): Promise<void> => {
    for (const event of currentChanges) {
      if (event.pdu.type === policyType && event.pdu.state_key === '') await policies.changed(tx, room, event.pdu)
    }
    for (const { eventId, status, pdu } of events) {
      // Only what is shown counts; members and what they look like are most of what has no media at all.
      if (status !== 0 || pdu.type === 'm.room.encrypted') continue
      await ledger.linked(tx, { eventId, roomNid: room.nid, sender: pdu.sender, shown: pdu })
    }
    for (const { eventId } of redacted) await ledger.unlinked(tx, { eventId, roomNid: room.nid })
    for (const { pdu } of currentChanges) {
      const { type, state_key: userId, content } = pdu
      if (type === 'm.room.member' && userId !== undefined && content.membership !== 'join')
        await gone(tx, room.nid, userId)
    }
    for (const { type, stateKey } of removed) {
      if (type === 'm.room.member') await gone(tx, room.nid, stateKey)
      else if (type === policyType && stateKey === '') await policies.removed(tx, room.nid)
    }
  }
}
