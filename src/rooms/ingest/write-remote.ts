import type { Tx } from '../../db/database.ts'
import type { EventStatus } from '../../db/schema/rooms.ts'
import type { IdentifiedPdu } from '../../matrix/event.ts'
import type { EventId } from '../../matrix/ids.ts'
import { columnsOf, deriveAfter, writeAuthEdges } from '../persist/write-event.ts'
import type { States } from '../states.ts'
import { insertEdge } from '../store-event-edges.ts'
import { insertEvent, updatePlacement } from '../store-events.ts'
import { insertRelation, resolveRelation } from '../store-relations.ts'
import type { StoredEvent } from '../types.ts'
import { deleteGaps, insertGap, listWaitingFor, type Place } from './store-places.ts'

const nowhere = {
  stream_pos: null,
  before_nid: null,
  state_nid: null,
  thread_id: null,
  txn_device: null,
  txn_id: null,
  delay_id: null,
}

export const outlierColumns = (event: IdentifiedPdu, roomNid: number) => ({ ...columnsOf(event, roomNid), ...nowhere })

/** Writes an event that has no place in the room's history as far as we know: others cite it. Returns its number. */
export async function insertOutlier(
  states: States,
  tx: Tx,
  roomNid: number,
  event: IdentifiedPdu,
  status: EventStatus,
): Promise<number> {
  const { pdu } = event
  const nid = await insertEvent(tx, { ...outlierColumns(event, roomNid), status })
  if (pdu.state_key === undefined) return nid
  await writeAuthEdges(tx, nid, pdu)
  await states.requireKeyNid(tx, pdu.type, pdu.state_key)
  return nid
}

/** The state after an event that has a row. */
export async function stateAfter(
  states: States,
  tx: Tx,
  { event, nid, roomNid, beforeNid }: { event: IdentifiedPdu; nid: number; roomNid: number; beforeNid?: number },
): Promise<number | undefined> {
  return deriveAfter({ states }, tx, { nid, roomNid, pdu: event.pdu, beforeNid })
}

export interface Placing {
  readonly event: IdentifiedPdu
  readonly nid: number
  readonly redactedBy: EventId | undefined
  readonly roomNid: number
  readonly streamPos: number | undefined
  readonly beforeNid: number | undefined
  readonly stateNid: number | undefined
  readonly status: EventStatus
  readonly prevs: readonly Place[]
  /** What comes before it and is not here. */
  readonly missing: readonly EventId[]
}

/** Gives an event with a row its place: between what comes before it and what has waited for it. */
export async function placeEvent(tx: Tx, placing: Placing): Promise<StoredEvent> {
  const { event, nid, roomNid, streamPos, beforeNid, stateNid, status } = placing
  const { pdu } = event
  const isShown = status === 0 && streamPos !== undefined
  const relation = isShown ? await resolveRelation(tx, roomNid, pdu) : undefined
  const threadId = relation?.threadId
  await updatePlacement(tx, { nid, streamPos, beforeNid, stateNid, status, threadId, pdu })
  if (relation !== undefined && isShown) {
    await insertRelation(tx, { nid, roomNid, streamPos, pdu }, relation)
  }
  for (const prev of placing.prevs) await insertEdge(tx, nid, prev.nid)
  // An invitation of a user of ours may have come by itself before, when what authorises it was not here.
  if (pdu.type === 'm.room.member' && pdu.content.membership !== 'join') await writeAuthEdges(tx, nid, pdu)
  if (streamPos !== undefined) for (const prevId of placing.missing) await insertGap(tx, prevId, nid)
  return {
    nid,
    eventId: event.eventId,
    roomNid,
    streamPos,
    beforeNid,
    stateNid,
    currentNid: undefined,
    status,
    redactedBy: placing.redactedBy,
    threadId,
    txnDevice: undefined,
    txnId: undefined,
    delayId: undefined,
    pdu,
  }
}

/** Ties an event to those that were here before it and follow it. Returns whether an accepted one is among them. */
export async function closeGaps(tx: Tx, { eventId, nid }: StoredEvent): Promise<boolean> {
  const followers = await listWaitingFor(tx, eventId)
  for (const follower of followers) await insertEdge(tx, follower.event_nid, nid)
  if (followers.length > 0) await deleteGaps(tx, eventId)
  return followers.some(({ status }) => status === 0)
}
