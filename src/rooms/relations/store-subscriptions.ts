import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { RoomsSchema } from '../../db/schema/rooms.ts'
import type { EventId, RoomId } from '../../matrix/ids.ts'

type Row = RoomsSchema['thread_subscriptions']
export type SubscriptionState = Row['state']

interface Key {
  readonly userId: string
  readonly roomNid: number
  readonly rootId: string
}

const one = prepare((qb, p: Key) =>
  qb
    .selectFrom('thread_subscriptions')
    .select(['state', 'stream_pos'])
    .where('user_id', '=', p.userId)
    .where('room_nid', '=', p.roomNid)
    .where('root_id', '=', p.rootId),
)

export const getSubscription = (reader: Reader, key: Key) => one.first(reader, key)

const followers = prepare((qb, p: { roomNid: number; rootId: string }) =>
  qb
    .selectFrom('thread_subscriptions')
    .select('user_id')
    .where('room_nid', '=', p.roomNid)
    .where('root_id', '=', p.rootId)
    .where('state', '!=', 'none'),
)

export async function listFollowers(reader: Reader, roomNid: number, rootId: string): Promise<ReadonlySet<string>> {
  return new Set((await followers.all(reader, { roomNid, rootId })).map((row) => row.user_id))
}

export async function upsertSubscription(tx: Tx, row: Row): Promise<void> {
  const { state, stream_pos } = row
  await tx.qb
    .insertInto('thread_subscriptions')
    .values(row)
    .onConflict((c) => c.columns(['user_id', 'room_nid', 'root_id']).doUpdateSet({ state, stream_pos }))
    .execute()
}

export async function deleteSubscriptionsOf(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('thread_subscriptions').where('user_id', '=', userId).execute()
}

export interface SubscriptionChange {
  readonly roomId: RoomId
  readonly rootId: EventId
  readonly state: SubscriptionState
  readonly position: number
}

export interface ChangesRange {
  readonly userId: string
  /** Exclusive lower and inclusive upper stream positions. */
  readonly after: number
  readonly upTo: number
  readonly limit: number
}

const changes = prepare((qb, p: ChangesRange) =>
  qb
    .selectFrom('thread_subscriptions as s')
    .innerJoin('rooms as r', 'r.room_nid', 's.room_nid')
    .select(['r.room_id', 's.root_id', 's.state', 's.stream_pos'])
    .where('s.user_id', '=', p.userId)
    .where('s.stream_pos', '>', p.after)
    .where('s.stream_pos', '<=', p.upTo)
    .orderBy('s.stream_pos', 'desc')
    .limit(p.limit),
)

/** The latest state of a user's subscriptions in all rooms, those first that changed last. */
export async function listSubscriptionChanges(reader: Reader, range: ChangesRange): Promise<SubscriptionChange[]> {
  const rows = await changes.all(reader, range)
  // Only ids of rooms and events that there are have been stored.
  return rows.map((row) => ({
    roomId: row.room_id as RoomId,
    rootId: row.root_id as EventId,
    state: row.state,
    position: row.stream_pos,
  }))
}
