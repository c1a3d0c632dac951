import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { EventStatus, RoomsSchema } from '../db/schema/rooms.ts'
import type { Pdu } from '../matrix/event.ts'
import type { EventId } from '../matrix/ids.ts'
import { parseStoredJson } from '../matrix/json-parse.ts'
import type { StoredEvent } from './types.ts'

type EventRow = Selectable<RoomsSchema['events']>

export function toStoredEvent(row: EventRow): StoredEvent {
  return {
    nid: row.event_nid,
    eventId: row.event_id as EventId,
    roomNid: row.room_nid,
    streamPos: row.stream_pos ?? undefined,
    beforeNid: row.before_nid ?? undefined,
    stateNid: row.state_nid ?? undefined,
    currentNid: row.current_nid ?? undefined,
    status: row.status,
    redactedBy: (row.redacted_by as EventId | null) ?? undefined,
    threadId: (row.thread_id as EventId | null) ?? undefined,
    txnDevice: row.txn_device ?? undefined,
    txnId: row.txn_id ?? undefined,
    delayId: row.delay_id ?? undefined,
    // It was written by us as what the type says.
    pdu: parseStoredJson(row.json) as unknown as Pdu,
  }
}

export interface NewEventRow {
  event_id: string
  room_nid: number
  stream_pos: number | null
  type: string
  sender: string
  state_key: string | null
  depth: number
  origin_server_ts: number
  before_nid: number | null
  state_nid: number | null
  current_nid: number | null
  status: EventStatus
  thread_id: string | null
  txn_device: string | null
  txn_id: string | null
  delay_id: string | null
  json: string
}

const insertRow = prepare((qb, p: NewEventRow) =>
  qb
    .insertInto('events')
    .values({
      event_id: p.event_id,
      room_nid: p.room_nid,
      stream_pos: p.stream_pos,
      type: p.type,
      sender: p.sender,
      state_key: p.state_key,
      depth: p.depth,
      origin_server_ts: p.origin_server_ts,
      before_nid: p.before_nid,
      state_nid: p.state_nid,
      current_nid: p.current_nid,
      status: p.status,
      thread_id: p.thread_id,
      txn_device: p.txn_device,
      txn_id: p.txn_id,
      delay_id: p.delay_id,
      json: p.json,
    })
    .returning('event_nid'),
)
const byId = prepare((qb, p: { eventId: string }) =>
  qb.selectFrom('events').selectAll().where('event_id', '=', p.eventId),
)
const byNid = prepare((qb, p: { nid: number }) => qb.selectFrom('events').selectAll().where('event_nid', '=', p.nid))
const nidById = prepare((qb, p: { eventId: string }) =>
  qb.selectFrom('events').select('event_nid').where('event_id', '=', p.eventId),
)
const byTransaction = prepare((qb, p: { txnId: string; device: string }) =>
  qb.selectFrom('events').selectAll().where('txn_id', '=', p.txnId).where('txn_device', '=', p.device),
)

export async function insertEvent(tx: Tx, row: NewEventRow): Promise<number> {
  const inserted = await insertRow.first(tx, row)
  if (inserted === undefined) throw new Error(`event ${row.event_id} was not inserted`)
  return inserted.event_nid
}

export async function getEventById(reader: Reader, eventId: string): Promise<StoredEvent | undefined> {
  const row = await byId.first(reader, { eventId })
  return row && toStoredEvent(row)
}

export async function getEventByNid(reader: Reader, nid: number): Promise<StoredEvent | undefined> {
  const row = await byNid.first(reader, { nid })
  return row && toStoredEvent(row)
}

/** The events with these numbers, in no order; at most a few hundred at once. */
export async function listEventsByNid(reader: Reader, nids: readonly number[]): Promise<StoredEvent[]> {
  if (nids.length === 0) return []
  const rows = await reader.qb.selectFrom('events').selectAll().where('event_nid', 'in', nids).execute()
  return rows.map(toStoredEvent)
}

const setStateNid = prepare((qb, p: { nid: number; stateNid: number }) =>
  qb.updateTable('events').set({ state_nid: p.stateNid }).where('event_nid', '=', p.nid),
)

export async function updateStateNid(tx: Tx, nid: number, stateNid: number): Promise<void> {
  await setStateNid.run(tx, { nid, stateNid })
}

export interface EventPlacement {
  readonly nid: number
  readonly streamPos: number | undefined
  readonly beforeNid: number | undefined
  readonly stateNid: number | undefined
  readonly status: EventStatus
  readonly threadId: EventId | undefined
  readonly pdu: Pdu
}

const setPlacement = prepare(
  (
    qb,
    p: {
      nid: number
      streamPos: number | null
      beforeNid: number | null
      stateNid: number | null
      status: EventStatus
      threadId: string | null
      json: string
    },
  ) =>
    qb
      .updateTable('events')
      .set({
        stream_pos: p.streamPos,
        before_nid: p.beforeNid,
        state_nid: p.stateNid,
        status: p.status,
        thread_id: p.threadId,
        json: p.json,
      })
      .where('event_nid', '=', p.nid),
)

/** Gives an event its place in the room: its position, and the states around it. */
export async function updatePlacement(tx: Tx, placement: EventPlacement): Promise<void> {
  const { nid, streamPos = null, beforeNid = null, stateNid = null, status, threadId = null, pdu } = placement
  await setPlacement.run(tx, { nid, streamPos, beforeNid, stateNid, status, threadId, json: JSON.stringify(pdu) })
}

const setCurrentNid = prepare((qb, p: { nid: number; currentNid: number }) =>
  qb.updateTable('events').set({ current_nid: p.currentNid }).where('event_nid', '=', p.nid),
)

export async function updateCurrentNid(tx: Tx, nid: number, currentNid: number): Promise<void> {
  await setCurrentNid.run(tx, { nid, currentNid })
}

export async function getNid(reader: Reader, eventId: string): Promise<number | undefined> {
  return (await nidById.first(reader, { eventId }))?.event_nid
}

/** All events that a device sent under a transaction id, whatever their room and type. */
export async function listByTransaction(reader: Reader, device: string, txnId: string): Promise<StoredEvent[]> {
  const rows = await byTransaction.all(reader, { txnId, device })
  return rows.map(toStoredEvent)
}

export async function replaceWithRedacted(tx: Tx, nid: number, pdu: Pdu, redactedBy: string): Promise<void> {
  await tx.qb
    .updateTable('events')
    .set({ json: JSON.stringify(pdu), redacted_by: redactedBy })
    .where('event_nid', '=', nid)
    .execute()
}

export interface TimelineRange {
  readonly roomNid: number
  /** Exclusive lower and inclusive upper stream positions. */
  readonly after: number
  readonly upTo: number
  readonly limit: number
}

const backwards = prepare((qb, p: TimelineRange) =>
  qb
    .selectFrom('events')
    .selectAll()
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', '>', p.after)
    .where('stream_pos', '<=', p.upTo)
    .where('status', '=', 0)
    .orderBy('stream_pos', 'desc')
    .limit(p.limit),
)
const forwards = prepare((qb, p: TimelineRange) =>
  qb
    .selectFrom('events')
    .selectAll()
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', '>', p.after)
    .where('stream_pos', '<=', p.upTo)
    .where('status', '=', 0)
    .orderBy('stream_pos', 'asc')
    .limit(p.limit),
)

/** A page of a room's accepted events in stream order: newest first for `b`, oldest first for `f`. */
export async function listTimeline(reader: Reader, dir: 'b' | 'f', range: TimelineRange): Promise<StoredEvent[]> {
  const rows = await (dir === 'b' ? backwards : forwards).all(reader, range)
  return rows.map(toStoredEvent)
}

const lastAt = prepare((qb, p: { roomNid: number; pos: number }) =>
  qb
    .selectFrom('events')
    .select(['event_nid', 'stream_pos', 'state_nid', 'current_nid'])
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', '<=', p.pos)
    .where('status', '=', 0)
    .orderBy('stream_pos', 'desc')
    .limit(1),
)

/** The room's resolved state once everything up to `pos` was in; undefined before the room existed. */
export async function getStateNidAt(reader: Reader, roomNid: number, pos: number): Promise<number | undefined> {
  const row = await lastAt.first(reader, { roomNid, pos })
  return row?.current_nid ?? row?.state_nid ?? undefined
}
