import type { Tx } from '../../db/database.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { Ledger } from './ledger.ts'
import type { Recipients } from './recipients.ts'

interface SeenEvent {
  readonly eventId: string
  readonly status: number
  readonly pdu: {
    readonly type: string
    readonly sender: string
    readonly content: JsonObject
    readonly state_key?: string | undefined
  }
}

/** New events of a room, as rooms hand them to their hooks. */
export interface SeenBatch {
  readonly room: { readonly nid: number }
  readonly events: readonly SeenEvent[]
  readonly currentChanges: readonly SeenEvent[]
  readonly redacted: readonly SeenEvent[]
}

/** Follows in the ledger what happens in rooms. */
export function createLedgerHook({ ledger, recipients }: { ledger: Ledger; recipients: Recipients }) {
  return async (tx: Tx, { room, events, currentChanges, redacted }: SeenBatch): Promise<void> => {
    for (const { eventId, status, pdu } of events) {
      // Only what is shown counts; members and what they look like are most of what has no media at all.
      if (status !== 0 || pdu.type === 'm.room.encrypted') continue
      await ledger.linked(tx, { eventId, roomNid: room.nid, sender: pdu.sender, shown: pdu })
    }
    for (const { eventId } of redacted) await ledger.unlinked(tx, { eventId, roomNid: room.nid })
    for (const { pdu } of currentChanges) {
      const { type, state_key: userId, content } = pdu
      if (type !== 'm.room.member' || userId === undefined || content.membership === 'join') continue
      const name = recipients.nameOf(userId)
      if (name === undefined) continue
      if (name === userId || !(await recipients.isIn(tx, room.nid, name))) await ledger.left(tx, room.nid, name)
    }
  }
}
