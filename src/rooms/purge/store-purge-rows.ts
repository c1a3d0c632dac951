import { sql } from 'kysely'
import { type DoomedRows, rowsOf } from '../../db/delete-pages.ts'
import type { PurgedRoom } from './ports.ts'

/** Subscriptions to threads of which nothing is here. */
export const lostSubscriptions = (roomNid: number): DoomedRows =>
  rowsOf(
    'thread_subscriptions',
    ['user_id', 'room_nid', 'root_id'],
    sql`room_nid = ${roomNid}
      and not exists (select 1 from events where event_id = thread_subscriptions.root_id and stream_pos is not null)
      and not exists (select 1 from threads where room_nid = ${roomNid} and root_id = thread_subscriptions.root_id)`,
  )

/** What is written about a room besides its events and states. */
export function rowsOfRoom({ nid, roomId }: PurgedRoom): DoomedRows[] {
  const ofRoom = sql`room_nid = ${nid}`
  return [
    rowsOf('current_state', ['room_nid', 'type', 'state_key'], ofRoom),
    rowsOf('threads', ['room_nid', 'root_id'], ofRoom),
    rowsOf('thread_subscriptions', ['user_id', 'room_nid', 'root_id'], ofRoom),
    rowsOf('receipts', ['room_nid', 'user_id', 'receipt_type', 'thread_id'], ofRoom),
    rowsOf('further_ends', ['room_nid', 'event_nid'], ofRoom),
    rowsOf('history_space', ['room_nid', 'high'], ofRoom),
    rowsOf('room_aliases', ['alias'], ofRoom),
    rowsOf('open_rooms', ['room_nid'], ofRoom),
    rowsOf('partial_rooms', ['room_nid'], ofRoom),
    rowsOf('sticky_events', ['event_nid'], ofRoom),
    rowsOf('staged_events', ['staged_nid'], sql`room_id = ${roomId}`),
    // Those that are left are of users whose clients have to learn that they are out.
    rowsOf('memberships', ['room_nid', 'user_id'], sql`${ofRoom} and not (${isOut})`),
  ]
}

/** Whether a membership says that a user of ours is out, who has not forgotten the room. */
const isOut = sql`is_local = 1 and forgotten = 0 and membership in ('leave', 'ban')`
