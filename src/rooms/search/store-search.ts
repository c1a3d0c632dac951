import { sql } from 'kysely'
import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import { prepareList } from '../../db/prepare-list.ts'
import type { Pdu } from '../../matrix/event.ts'
import { toStoredEvent } from '../store-events.ts'
import type { StoredEvent } from '../types.ts'
import { searchedTypes } from './text-of.ts'

const name = 'search'

const indexedUpTo = prepare((qb, p: { name: string }) =>
  qb.selectFrom('streams').select('position').where('name', '=', p.name),
)
const moveIndexed = prepare((qb, p: { name: string; position: number }) =>
  qb.updateTable('streams').set({ position: p.position }).where('name', '=', p.name),
)

/** The stream position up to which the index knows everything. */
export async function getIndexedUpTo(reader: Reader): Promise<number> {
  return (await indexedUpTo.first(reader, { name }))?.position ?? 0
}

export async function updateIndexedUpTo(tx: Tx, position: number): Promise<void> {
  await moveIndexed.run(tx, { name, position })
}

export interface Waiting {
  readonly stream_pos: number | null
  readonly size: number
  readonly is_edit: number
}

const waiting = prepare((qb, p: { after: number; limit: number }) =>
  qb
    .selectFrom('events as e')
    .select((eb) => [
      'e.stream_pos',
      sql<number>`length(e.json)`.as('size'),
      eb
        .case()
        .when(
          eb.exists(
            eb
              .selectFrom('relations as r')
              .select('r.event_nid')
              .whereRef('r.event_nid', '=', 'e.event_nid')
              .where('r.rel_type', '=', sql.lit('m.replace')),
          ),
        )
        .then(sql.lit(1))
        .else(sql.lit(0))
        .end()
        .as('is_edit'),
    ])
    .where('e.stream_pos', '>', p.after)
    .orderBy('e.stream_pos')
    .limit(p.limit),
)

/** The next events behind a stream position, and how many characters each has. */
export function listWaiting(reader: Reader, from: number, limit: number): Promise<Waiting[]> {
  return waiting.all(reader, { after: from, limit })
}

const newest = prepare((qb, _: object) =>
  qb.selectFrom('events').select('stream_pos').where('stream_pos', '>', 0).orderBy('stream_pos', 'desc').limit(1),
)

/** The stream position of the newest event. */
export async function getNewestPosition(reader: Reader): Promise<number> {
  return (await newest.first(reader, {}))?.stream_pos ?? 0
}

const withText = prepare((qb, p: { after: number; upTo: number }) =>
  qb
    .selectFrom('events')
    .selectAll()
    .where('stream_pos', '>', p.after)
    .where('stream_pos', '<=', p.upTo)
    .where('status', '=', 0)
    .where(
      'type',
      'in',
      searchedTypes.map((type) => sql.lit(type)),
    ),
)

/** Accepted events between two positions of which some text may be searched. */
export async function listTexts(reader: Reader, from: number, upTo: number): Promise<StoredEvent[]> {
  return (await withText.all(reader, { after: from, upTo })).map(toStoredEvent)
}

const byPosition = prepareList((qb, positions: readonly number[]) =>
  qb.selectFrom('events').selectAll().where('stream_pos', 'in', positions),
)
const roomsAt = prepareList((qb, positions: readonly number[]) =>
  qb.selectFrom('events').select(['stream_pos', 'room_nid']).where('stream_pos', 'in', positions),
)
const byId = prepareList((qb, ids: readonly string[]) =>
  qb.selectFrom('events').selectAll().where('event_id', 'in', ids),
)

/** The events at these stream positions, in no order. */
export async function listEventsAt(reader: Reader, positions: readonly number[]): Promise<StoredEvent[]> {
  return (await byPosition(reader, positions)).map(toStoredEvent)
}

/** The rooms of the events at these stream positions. */
export async function listRoomsAt(reader: Reader, positions: readonly number[]): Promise<ReadonlyMap<number, number>> {
  return new Map((await roomsAt(reader, positions)).map((row) => [row.stream_pos ?? 0, row.room_nid]))
}

export async function listEventsById(reader: Reader, eventIds: readonly string[]): Promise<StoredEvent[]> {
  return (await byId(reader, eventIds)).map(toStoredEvent)
}

const withEdits = prepareList((qb, ids: readonly string[]) =>
  qb
    .selectFrom('relations')
    .select('parent_id')
    .distinct()
    .where('parent_id', 'in', ids)
    .where('rel_type', '=', sql.lit('m.replace')),
)

/** Those of the events that others claim to edit. */
export async function listEdited(reader: Reader, eventIds: readonly string[]): Promise<ReadonlySet<string>> {
  return new Set((await withEdits(reader, eventIds)).map((row) => row.parent_id))
}

const roomsOfUser = prepare((qb, p: { userId: string; limit: number }) =>
  qb
    .selectFrom('memberships')
    .select('room_nid')
    .where('user_id', '=', p.userId)
    .where('membership', 'in', [sql.lit('join'), sql.lit('leave'), sql.lit('ban')])
    .where('forgotten', '=', 0)
    .limit(p.limit),
)

/** Rooms where the user is or may have been, without forgotten ones, in no order. */
export async function listRoomsOfUser(reader: Reader, userId: string, limit: number): Promise<number[]> {
  return (await roomsOfUser.all(reader, { userId, limit })).map((row) => row.room_nid)
}

const visibilities = prepare((qb, p: { roomNid: number }) =>
  qb
    .selectFrom('events')
    .select('json')
    .where('room_nid', '=', p.roomNid)
    .where('type', '=', 'm.room.history_visibility')
    .where('state_key', '=', '')
    .limit(50),
)

/** Up to 50 of the events that have ever set the history visibility of a room, or tried to. */
export async function listVisibilityEvents(reader: Reader, roomNid: number): Promise<Pdu[]> {
  return (await visibilities.all(reader, { roomNid })).map((row) => JSON.parse(row.json) as Pdu)
}
