import type { EventId } from '../../matrix/ids.ts'
import type { Actor } from '../actor.ts'
import type { RoomDraft } from '../draft.ts'
import type { Transaction } from '../event-template.ts'
import { redactsOf } from '../redactions.ts'
import { listByTransaction } from '../store-events.ts'

/** The request that a transaction id belongs to, besides its room. */
export interface SentAs {
  readonly type: string
  readonly redacts?: EventId
}

/** Application services may have no device; their users' transactions are then told apart by the sender alone. */
export function transactionOf(actor: Actor, txnId: string): Transaction {
  return { deviceId: actor.deviceId ?? '', txnId }
}

/**
 * The event that the same request of the same device made before; also one that waits in this draft.
 * https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers
 */
export async function findSent(
  draft: RoomDraft,
  actor: Actor,
  transaction: Transaction,
  sentAs: SentAs,
): Promise<EventId | undefined> {
  const { deviceId, txnId } = transaction
  const waiting = draft.events.find(
    ({ transaction: other, pdu }) =>
      other?.txnId === txnId &&
      other.deviceId === deviceId &&
      pdu.sender === actor.userId &&
      pdu.type === sentAs.type &&
      (sentAs.redacts === undefined || redactsOf(pdu, draft.rules) === sentAs.redacts),
  )
  if (waiting !== undefined) return waiting.eventId
  const stored = await listByTransaction(draft.reader, deviceId, txnId)
  return stored.find(
    ({ pdu, roomNid }) =>
      roomNid === draft.room?.nid &&
      pdu.sender === actor.userId &&
      pdu.type === sentAs.type &&
      (sentAs.redacts === undefined || redactsOf(pdu, draft.rules) === sentAs.redacts),
  )?.eventId
}
