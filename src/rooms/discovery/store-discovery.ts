import type { Reader } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import { toStoredEvent } from '../store-events.ts'
import type { StoredEvent } from '../types.ts'

const children = prepare((qb, p: { roomNid: number }) =>
  qb
    .selectFrom('current_state')
    .select('event_nid')
    .where('room_nid', '=', p.roomNid)
    .where('type', '=', 'm.space.child'),
)

/** The numbers of a room's current `m.space.child` events. */
export async function listChildNids(reader: Reader, roomNid: number): Promise<number[]> {
  return (await children.all(reader, { roomNid })).map((row) => row.event_nid)
}

export interface TimeRange {
  readonly roomNid: number
  /** The newest stream position that counts. */
  readonly upTo: number
  /** Where to begin: at a time, and among the events of that time beyond a stream position. */
  readonly ts: number
  readonly pos: number
  readonly limit: number
}

const later = prepare((qb, p: TimeRange) =>
  qb
    .selectFrom('events')
    .selectAll()
    .where('room_nid', '=', p.roomNid)
    .where('origin_server_ts', '>=', p.ts)
    .where((eb) => eb.or([eb('origin_server_ts', '>', p.ts), eb('stream_pos', '>', p.pos)]))
    .where('stream_pos', '<=', p.upTo)
    .where('status', '=', 0)
    .orderBy('origin_server_ts', 'asc')
    .orderBy('stream_pos', 'asc')
    .limit(p.limit),
)
const earlier = prepare((qb, p: TimeRange) =>
  qb
    .selectFrom('events')
    .selectAll()
    .where('room_nid', '=', p.roomNid)
    .where('origin_server_ts', '<=', p.ts)
    .where((eb) => eb.or([eb('origin_server_ts', '<', p.ts), eb('stream_pos', '<', p.pos)]))
    .where('stream_pos', '<=', p.upTo)
    .where('status', '=', 0)
    .orderBy('origin_server_ts', 'desc')
    .orderBy('stream_pos', 'desc')
    .limit(p.limit),
)

/** A room's accepted events from a time on, later or earlier ones, those first that are nearest. */
export async function listByTime(reader: Reader, dir: 'f' | 'b', range: TimeRange): Promise<StoredEvent[]> {
  return (await (dir === 'f' ? later : earlier).all(reader, range)).map(toStoredEvent)
}

interface MutualRange {
  readonly userId: string
  readonly other: string
  readonly after: string
  readonly limit: number
}

const mutual = prepare((qb, p: MutualRange) =>
  qb
    .selectFrom('memberships as me')
    .innerJoin('memberships as other', 'other.room_nid', 'me.room_nid')
    .innerJoin('rooms', 'rooms.room_nid', 'me.room_nid')
    .select('rooms.room_id')
    .where('me.user_id', '=', p.userId)
    .where('me.membership', '=', 'join')
    .where('other.user_id', '=', p.other)
    .where('other.membership', '=', 'join')
    .where('rooms.room_id', '>', p.after)
    .orderBy('rooms.room_id')
    .limit(p.limit),
)
const mutualCount = prepare((qb, p: { userId: string; other: string }) =>
  qb
    .selectFrom('memberships as me')
    .innerJoin('memberships as other', 'other.room_nid', 'me.room_nid')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .where('me.user_id', '=', p.userId)
    .where('me.membership', '=', 'join')
    .where('other.user_id', '=', p.other)
    .where('other.membership', '=', 'join'),
)

/** Ids of rooms to which both are joined, in their order, from beyond `after`. */
export async function listMutualRooms(reader: Reader, range: MutualRange): Promise<string[]> {
  return (await mutual.all(reader, range)).map((row) => row.room_id)
}

export async function countMutualRooms(reader: Reader, userId: string, other: string): Promise<number> {
  return (await mutualCount.first(reader, { userId, other }))?.n ?? 0
}
