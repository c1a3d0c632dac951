import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import { prepareList } from '../../db/prepare-list.ts'
import type { IdentifiedPdu, Pdu } from '../../matrix/event.ts'
import type { EventId, RoomId, ServerName } from '../../matrix/ids.ts'
import { parseStoredJson } from '../../matrix/json-parse.ts'

export interface StagedEvent extends IdentifiedPdu {
  readonly nid: number
  readonly origin: ServerName
  readonly attempts: number
  /** When it is due (ms), as far as whoever holds it knows; another number in the row means that it was sent again. */
  readonly retryAt: number
}

type StagedRow = Pick<StagedEvent, 'nid' | 'eventId'>
type HeldRow = Pick<StagedEvent, 'nid' | 'eventId' | 'retryAt'>

interface NewRow {
  roomId: string
  eventId: string
  origin: string
  json: string
}

const insertRow = prepare((qb, p: NewRow) =>
  qb
    .insertInto('staged_events')
    .values({ room_id: p.roomId, event_id: p.eventId, origin: p.origin, json: p.json, attempts: 0, retry_at: 0 })
    // Sent again, it need not wait any longer.
    .onConflict((c) => c.column('event_id').doUpdateSet({ retry_at: 0 })),
)
const nextRows = prepare((qb, p: { roomId: string; now: number; limit: number }) =>
  qb
    .selectFrom('staged_events')
    .select(['staged_nid', 'event_id', 'origin', 'json', 'attempts', 'retry_at'])
    .where('room_id', '=', p.roomId)
    .where('retry_at', '<=', p.now)
    .orderBy('retry_at')
    .orderBy('staged_nid')
    .limit(p.limit),
)
const nextRetry = prepare((qb, p: { roomId: string }) =>
  qb.selectFrom('staged_events').select('retry_at').where('room_id', '=', p.roomId).orderBy('retry_at').limit(1),
)
// SQLite gives the number of the newest row anew once that is gone: whoever still works on the old one must not hit it.
const deleteRow = prepare((qb, p: StagedRow) =>
  qb.deleteFrom('staged_events').where('staged_nid', '=', p.nid).where('event_id', '=', p.eventId),
)
// What is decided without the event being placed holds for as often as it was sent until then.
const dropRow = prepare((qb, p: HeldRow) =>
  qb
    .deleteFrom('staged_events')
    .where('staged_nid', '=', p.nid)
    .where('event_id', '=', p.eventId)
    .where('retry_at', '=', p.retryAt),
)
const postponeRow = prepare((qb, p: HeldRow & { attempts: number; until: number }) =>
  qb
    .updateTable('staged_events')
    .set({ attempts: p.attempts, retry_at: p.until })
    .where('staged_nid', '=', p.nid)
    .where('event_id', '=', p.eventId)
    .where('retry_at', '=', p.retryAt),
)

export async function insertStaged(tx: Tx, roomId: RoomId, origin: ServerName, event: IdentifiedPdu): Promise<void> {
  await insertRow.run(tx, { roomId, eventId: event.eventId, origin, json: JSON.stringify(event.pdu) })
}

const countOfOrigin = prepare((qb, p: { origin: string; limit: number }) =>
  qb
    .selectFrom((eb) =>
      eb.selectFrom('staged_events').select('staged_nid').where('origin', '=', p.origin).limit(p.limit).as('staged'),
    )
    .select((eb) => eb.fn.countAll<number>().as('count')),
)
const countInRoom = prepare((qb, p: { origin: string; roomId: string; limit: number }) =>
  qb
    .selectFrom((eb) =>
      eb
        .selectFrom('staged_events')
        .select('staged_nid')
        .where('origin', '=', p.origin)
        .where('room_id', '=', p.roomId)
        .limit(p.limit)
        .as('staged'),
    )
    .select((eb) => eb.fn.countAll<number>().as('count')),
)

/** So many events a server may have waiting in a room and in all: what they lack may never come. */
const most = { inRoom: 1000, inAll: 10_000 }

/** How many more events of a server may be staged for a room. */
export async function countFreeToStage(tx: Tx, roomId: RoomId, origin: ServerName): Promise<number> {
  const inRoom = await countInRoom.first(tx, { origin, roomId, limit: most.inRoom })
  const inAll = await countOfOrigin.first(tx, { origin, limit: most.inAll })
  return Math.min(most.inRoom - Number(inRoom?.count ?? 0), most.inAll - Number(inAll?.count ?? 0))
}

/** Events of a room that are due, those that came first first. */
export async function listStaged(reader: Reader, roomId: string, now: number, limit: number): Promise<StagedEvent[]> {
  const rows = await nextRows.all(reader, { roomId, now, limit })
  return rows.map((row) => ({
    nid: row.staged_nid,
    // What was read before it was staged.
    eventId: row.event_id as EventId,
    origin: row.origin as ServerName,
    // Checked before it was written.
    pdu: parseStoredJson(row.json) as unknown as Pdu,
    attempts: row.attempts,
    retryAt: row.retry_at,
  }))
}

/** When the next event of a room is due (ms). */
export async function getNextRetry(reader: Reader, roomId: string): Promise<number | undefined> {
  return (await nextRetry.first(reader, { roomId }))?.retry_at
}

/** Removes an event that is in its place, or that never gets one. */
export async function deleteStaged(tx: Tx, { nid, eventId }: StagedRow): Promise<void> {
  await deleteRow.run(tx, { nid, eventId })
}

/** Removes an event that is given up, unless it was sent again since it was read. */
export async function dropStaged(tx: Tx, { nid, eventId, retryAt }: HeldRow): Promise<void> {
  await dropRow.run(tx, { nid, eventId, retryAt })
}

/** Lets an event wait until a time (ms), unless it was sent again since it was read. */
export async function postponeStaged(tx: Tx, event: HeldRow, attempts: number, until: number): Promise<void> {
  const { nid, eventId, retryAt } = event
  await postponeRow.run(tx, { nid, eventId, retryAt, attempts, until })
}

export async function listStagedRooms(reader: Reader): Promise<RoomId[]> {
  const rows = await reader.qb.selectFrom('staged_events').select('room_id').distinct().execute()
  return rows.map((row) => row.room_id as RoomId)
}

const byIds = prepareList((qb, ids: readonly string[]) =>
  qb.selectFrom('staged_events').select(['event_id', 'room_id', 'json']).where('event_id', 'in', ids),
)

/** Those of the events that are staged for the room. */
export async function listStagedByIds(
  reader: Reader,
  roomId: RoomId,
  ids: readonly EventId[],
): Promise<IdentifiedPdu[]> {
  const rows = await byIds(reader, ids)
  const found = new Map(rows.filter((row) => row.room_id === roomId).map((row) => [row.event_id, row.json]))
  return [...found].map(([eventId, json]) => ({
    eventId: eventId as EventId,
    pdu: parseStoredJson(json) as unknown as Pdu,
  }))
}

/** Makes everything due, of one room or of all: what was under way when the server stopped, and what waited. */
export async function resetRetries(tx: Tx, roomId?: RoomId): Promise<void> {
  const all = tx.qb.updateTable('staged_events').set({ retry_at: 0 }).where('retry_at', '>', 0)
  await (roomId === undefined ? all : all.where('room_id', '=', roomId)).execute()
}
