import type { Tx } from '../../db/database.ts'
import type { IdentifiedPdu, Pdu } from '../../matrix/event.ts'
import { authEventIds } from '../../matrix/event-references.ts'
import type { Transaction } from '../event-template.ts'
import { insertAuthEdge } from '../store-event-edges.ts'
import { getNid, insertEvent, updateStateNid } from '../store-events.ts'
import { insertRelation, resolveRelation } from '../store-relations.ts'
import type { StoredEvent } from '../types.ts'
import type { PersistDeps } from './deps.ts'

export interface NewEvent {
  readonly event: IdentifiedPdu & {
    readonly transaction?: Transaction | undefined
    readonly delayId?: string | undefined
  }
  readonly roomNid: number
  readonly streamPos: number
  readonly beforeNid: number | undefined
}

/** Writes an event of ours, its relation, and the state that it makes. */
export async function writeEvent(
  deps: Pick<PersistDeps, 'states'>,
  tx: Tx,
  { event, roomNid, streamPos, beforeNid }: NewEvent,
): Promise<StoredEvent> {
  const { pdu, eventId, transaction } = event
  const relation = await resolveRelation(tx, roomNid, pdu)
  const nid = await insertEvent(tx, {
    ...columnsOf(event, roomNid),
    stream_pos: streamPos,
    before_nid: beforeNid ?? null,
    state_nid: beforeNid ?? null,
    status: 0,
    thread_id: relation?.threadId ?? null,
    txn_device: transaction?.deviceId ?? null,
    txn_id: transaction?.txnId ?? null,
    delay_id: event.delayId ?? null,
  })
  if (relation !== undefined) await insertRelation(tx, { nid, roomNid, streamPos, pdu }, relation)
  let stateNid = beforeNid
  if (pdu.state_key !== undefined) {
    await writeAuthEdges(tx, nid, pdu)
    stateNid = await deriveAfter(deps, tx, { nid, roomNid, pdu, beforeNid })
    if (stateNid !== undefined) await updateStateNid(tx, nid, stateNid)
  }
  return {
    nid,
    eventId,
    roomNid,
    streamPos,
    beforeNid,
    stateNid,
    currentNid: undefined,
    status: 0,
    redactedBy: undefined,
    threadId: relation?.threadId,
    txnDevice: transaction?.deviceId,
    txnId: transaction?.txnId,
    delayId: event.delayId,
    pdu,
  }
}

/** What an event's row says of the event itself. */
export function columnsOf({ eventId, pdu }: IdentifiedPdu, roomNid: number) {
  return {
    event_id: eventId,
    room_nid: roomNid,
    type: pdu.type,
    sender: pdu.sender,
    state_key: pdu.state_key ?? null,
    depth: pdu.depth,
    origin_server_ts: pdu.origin_server_ts,
    current_nid: null,
    json: JSON.stringify(pdu),
  }
}

/** Notes what authorises a state event, for those of its auth events that are here. */
export async function writeAuthEdges(tx: Tx, nid: number, pdu: Pdu): Promise<void> {
  for (const authId of new Set(authEventIds(pdu))) {
    const authNid = await getNid(tx, authId)
    if (authNid !== undefined) await insertAuthEdge(tx, nid, authNid)
  }
}

interface Placed {
  readonly nid: number
  readonly roomNid: number
  readonly pdu: Pdu
  readonly beforeNid: number | undefined
}

/** The state after an accepted event: a state event makes one of its own, any other leaves it as it was. */
export async function deriveAfter(
  { states }: Pick<PersistDeps, 'states'>,
  tx: Tx,
  { nid, roomNid, pdu, beforeNid }: Placed,
): Promise<number | undefined> {
  if (pdu.state_key === undefined) return beforeNid
  const keyNid = await states.requireKeyNid(tx, pdu.type, pdu.state_key)
  return states.derive(tx, roomNid, beforeNid, new Map([[keyNid, nid]]))
}
