import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import { prepareList } from '../../db/prepare-list.ts'

/** What of an event decides whether it is kept. */
export interface Kept {
  readonly event_nid: number
  readonly event_id: string
  readonly stream_pos: number | null
  readonly sender: string
  readonly state_key: string | null
  readonly depth: number
  readonly before_nid: number | null
  readonly state_nid: number | null
  readonly current_nid: number | null
}

const columns = [
  'event_nid',
  'event_id',
  'stream_pos',
  'sender',
  'state_key',
  'depth',
  'before_nid',
  'state_nid',
  'current_nid',
] as const

const placed = prepare((qb, p: { roomNid: number; after: number; before: number; limit: number }) =>
  qb
    .selectFrom('events')
    .select(columns)
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', '>', p.after)
    .where('stream_pos', '<', p.before)
    .orderBy('stream_pos')
    .limit(p.limit),
)
const unplaced = prepare((qb, p: { roomNid: number; after: number; limit: number }) =>
  qb
    .selectFrom('events')
    .select(columns)
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', 'is', null)
    .where('event_nid', '>', p.after)
    .orderBy('event_nid')
    .limit(p.limit),
)

/** A page of the events between two positions, both exclusive. */
export const listPlaced = (reader: Reader, range: { roomNid: number; after: number; before: number; limit: number }) =>
  placed.all(reader, range)
/** A page of the events without a place, by their numbers. */
export const listUnplaced = (reader: Reader, range: { roomNid: number; after: number; limit: number }) =>
  unplaced.all(reader, range)

const times = prepare((qb, p: { roomNid: number; after: number; limit: number }) =>
  qb
    .selectFrom('events')
    .select(['stream_pos', 'origin_server_ts'])
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', '>', p.after)
    .where('status', '=', 0)
    .orderBy('stream_pos')
    .limit(p.limit),
)

export const listTimes = (reader: Reader, range: { roomNid: number; after: number; limit: number }) =>
  times.all(reader, range)

const newest = prepare((qb) => qb.selectFrom('events').select(({ fn }) => fn.max('event_nid').as('nid')))

/**
 * Deletes the rows of events. SQLite would give the highest number again once its row is gone, and caches know events by their
 * numbers: that row stays, empty, until there is a higher one.
 */
export async function deleteEventRows(tx: Tx, nids: readonly number[]): Promise<void> {
  const last = (await newest.first(tx, {}))?.nid ?? 0
  await tx.qb.deleteFrom('events').where('room_nid', '=', 0).where('event_nid', '<', last).execute()
  await tx.qb.deleteFrom('events').where('event_nid', 'in', nids).where('event_nid', '<', last).execute()
  if (!nids.includes(last)) return
  const empty = { room_nid: 0, stream_pos: null, type: '', sender: '', state_key: null, status: 2, json: '{}' } as const
  const nothing = { before_nid: null, state_nid: null, current_nid: null, thread_id: null, redacted_by: null }
  const unsent = { txn_device: null, txn_id: null, delay_id: null, depth: 0, origin_server_ts: 0 }
  await tx.qb
    .updateTable('events')
    .set({ event_id: `purged ${last}`, ...empty, ...nothing, ...unsent })
    .where('event_nid', '=', last)
    .execute()
}

/** Takes events out of the history; they stay for what refers to them. */
export async function unplace(tx: Tx, nids: readonly number[]): Promise<void> {
  await tx.qb
    .updateTable('events')
    .set({ stream_pos: null, before_nid: null, state_nid: null, current_nid: null, thread_id: null })
    .where('event_nid', 'in', nids)
    .execute()
}

/** Forgets where events stood: what they followed, and what was missing before them. */
export async function deletePlaces(tx: Tx, nids: readonly number[], ids: readonly string[]): Promise<void> {
  if (nids.length === 0) return
  for (const table of ['event_edges', 'event_gaps', 'waiting_redactions', 'sticky_events'] as const) {
    await tx.qb.deleteFrom(table).where('event_nid', 'in', nids).execute()
  }
  if (ids.length > 0) await tx.qb.deleteFrom('waiting_redactions').where('target_id', 'in', ids).execute()
}

export async function deleteAuthEdges(tx: Tx, nids: readonly number[]): Promise<void> {
  if (nids.length === 0) return
  await tx.qb.deleteFrom('event_auth').where('event_nid', 'in', nids).execute()
}

const relating = prepareList((qb, nids: readonly number[]) =>
  qb.selectFrom('relations').select('event_nid').where('event_nid', 'in', nids),
)

export async function listRelating(reader: Reader, nids: readonly number[]): Promise<Set<number>> {
  return new Set((await relating(reader, nids)).map((row) => row.event_nid))
}

/** Local users of a room and their member events. */
export function listLocals(reader: Reader, roomNid: number) {
  return reader.qb
    .selectFrom('memberships')
    .select(['user_id', 'membership', 'event_nid', 'forgotten'])
    .where('room_nid', '=', roomNid)
    .where('is_local', '=', 1)
    .execute()
}

/** The room is one of which nothing is known: others may be in it, or nobody. */
export async function emptyRoom(tx: Tx, roomNid: number): Promise<void> {
  const nothing = {
    extremities: '[]',
    state_nid: null,
    cited_nid: null,
    last_pos: 0,
    bump_pos: 0,
    is_public: 0,
    sticky_until: 0,
  }
  await tx.qb
    .updateTable('rooms')
    .set({ ...nothing, is_partial: 0, complete_pos: null })
    .where('room_nid', '=', roomNid)
    .execute()
}

/** Leaves events in the stream that stand in no state. */
export async function forgetStates(tx: Tx, nids: readonly number[]): Promise<void> {
  if (nids.length === 0) return
  await tx.qb
    .updateTable('events')
    .set({ before_nid: null, state_nid: null, current_nid: null })
    .where('event_nid', 'in', nids)
    .execute()
}
