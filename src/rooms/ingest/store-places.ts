import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import { prepareList } from '../../db/prepare-list.ts'
import type { EventStatus } from '../../db/schema/rooms.ts'
import type { EventId } from '../../matrix/ids.ts'

/** Where an event that we have stands, without what it says. */
export interface Place {
  readonly eventId: EventId
  readonly nid: number
  readonly roomNid: number
  readonly streamPos: number | undefined
  /** The state after it; undefined where only what it says is known. */
  readonly stateNid: number | undefined
  readonly status: EventStatus
  readonly depth: number
}

const columns = ['event_id', 'event_nid', 'room_nid', 'stream_pos', 'state_nid', 'status', 'depth'] as const
const byIds = prepareList((qb, ids: readonly string[]) =>
  qb.selectFrom('events').select(columns).where('event_id', 'in', ids),
)
const byNids = prepareList((qb, nids: readonly number[]) =>
  qb.selectFrom('events').select(columns).where('event_nid', 'in', nids),
)

const bare = prepareList((qb, nids: readonly number[]) =>
  qb
    .selectFrom('events as e')
    .select('e.event_nid')
    .where('e.event_nid', 'in', nids)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('event_auth as a').select('a.auth_nid').whereRef('a.event_nid', '=', 'e.event_nid'))),
    ),
)

type Row = Awaited<ReturnType<typeof byIds>>[number]

const toPlace = (row: Row): Place => ({
  eventId: row.event_id as EventId,
  nid: row.event_nid,
  roomNid: row.room_nid,
  streamPos: row.stream_pos ?? undefined,
  stateNid: row.state_nid ?? undefined,
  status: row.status,
  depth: row.depth,
})

export async function listPlaces(reader: Reader, ids: readonly EventId[]): Promise<Map<EventId, Place>> {
  const places = (await byIds(reader, [...new Set(ids)])).map(toPlace)
  return new Map(places.map((place) => [place.eventId, place]))
}

export async function listPlacesByNid(reader: Reader, nids: readonly number[]): Promise<Map<number, Place>> {
  const places = (await byNids(reader, [...new Set(nids)])).map(toPlace)
  return new Map(places.map((place) => [place.nid, place]))
}

const authIds = prepareList((qb, ids: readonly string[]) =>
  qb
    .selectFrom('events as e')
    .innerJoin('event_auth as l', 'l.event_nid', 'e.event_nid')
    .innerJoin('events as a', 'a.event_nid', 'l.auth_nid')
    .select(['e.event_id', 'a.event_id as auth_id'])
    .where('e.event_id', 'in', ids),
)

/** What each of these state events cites, as far as it is here. */
export async function listAuthIds(reader: Reader, ids: readonly EventId[]): Promise<Map<EventId, EventId[]>> {
  const found = new Map<EventId, EventId[]>()
  for (const row of await authIds(reader, [...new Set(ids)])) {
    const id = row.event_id as EventId
    const list = found.get(id) ?? []
    list.push(row.auth_id as EventId)
    found.set(id, list)
  }
  return found
}

const insertGapRow = prepare((qb, p: { prevId: string; eventNid: number }) =>
  qb
    .insertInto('event_gaps')
    .values({ prev_id: p.prevId, event_nid: p.eventNid })
    .onConflict((c) => c.doNothing()),
)
const gapsBefore = prepare((qb, p: { prevId: string }) =>
  qb
    .selectFrom('event_gaps as g')
    .innerJoin('events as e', 'e.event_nid', 'g.event_nid')
    .select(['e.event_nid', 'e.status'])
    .where('g.prev_id', '=', p.prevId),
)
const deleteGapRows = prepare((qb, p: { prevId: string }) =>
  qb.deleteFrom('event_gaps').where('prev_id', '=', p.prevId),
)

export async function insertGap(tx: Tx, prevId: EventId, eventNid: number): Promise<void> {
  await insertGapRow.run(tx, { prevId, eventNid })
}

/** Events of the timeline that an event stands before and that have missed it until now. */
export async function listWaitingFor(
  reader: Reader,
  prevId: EventId,
): Promise<{ event_nid: number; status: number }[]> {
  return gapsBefore.all(reader, { prevId })
}

export async function deleteGaps(tx: Tx, prevId: EventId): Promise<void> {
  await deleteGapRows.run(tx, { prevId })
}

const insertWaiting = prepare((qb, p: { targetId: string; eventNid: number }) =>
  qb
    .insertInto('waiting_redactions')
    .values({ target_id: p.targetId, event_nid: p.eventNid })
    .onConflict((c) => c.doNothing()),
)
const waitingOf = prepare((qb, p: { targetId: string }) =>
  qb.selectFrom('waiting_redactions').select('event_nid').where('target_id', '=', p.targetId),
)
const deleteWaitingRows = prepare((qb, p: { targetId: string }) =>
  qb.deleteFrom('waiting_redactions').where('target_id', '=', p.targetId),
)

export async function insertWaitingRedaction(tx: Tx, targetId: EventId, eventNid: number): Promise<void> {
  await insertWaiting.run(tx, { targetId, eventNid })
}

/** Numbers of the redactions that have waited for an event. */
export async function listWaitingRedactions(reader: Reader, targetId: EventId): Promise<number[]> {
  return (await waitingOf.all(reader, { targetId })).map((row) => row.event_nid)
}

export async function deleteWaitingRedactions(tx: Tx, targetId: EventId): Promise<void> {
  await deleteWaitingRows.run(tx, { targetId })
}

const firstPlaced = prepare((qb, p: { roomNid: number }) =>
  qb
    .selectFrom('events')
    .select('depth')
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', '>', 0)
    .orderBy('stream_pos')
    .limit(1),
)

/** The depth at which a room began for us; what lies before is history, which is fetched when somebody reads it. */
export async function getHistoryStart(reader: Reader, roomNid: number): Promise<number> {
  return (await firstPlaced.first(reader, { roomNid }))?.depth ?? 0
}

/** Those of which it is not noted what authorises them. */
export async function listWithoutAuthEdges(reader: Reader, nids: readonly number[]): Promise<Set<number>> {
  return new Set((await bare(reader, nids)).map((row) => row.event_nid))
}
