import type { Database, Reader, Tx } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import { requireAccess } from '../access.ts'
import type { RoomView } from '../room-view.ts'
import { readRelation } from '../store-relations.ts'
import type { Room } from '../types.ts'
import type { Visibility } from '../visibility.ts'
import { requireVisibleEvent } from '../visible-event.ts'
import {
  type ChangesRange,
  deleteSubscriptionsOf,
  getSubscription,
  listSubscriptionChanges,
  type SubscriptionChange,
  type SubscriptionState,
  upsertSubscription,
} from './store-subscriptions.ts'

export type { SubscriptionChange } from './store-subscriptions.ts'

/**
 * Which threads a user follows: https://github.com/matrix-org/matrix-spec-proposals/pull/4306. All throw
 * `404 M_NOT_FOUND` where the user sees no event that a thread could start from.
 */
export interface ThreadSubscriptions {
  /** Throws `404 M_NOT_FOUND` also where there is none. */
  get(userId: UserId, roomId: string, rootId: string): Promise<{ automatic: boolean }>
  /**
   * With a cause, an event of the thread, the client subscribes by itself: that throws `400` where the event is not in
   * the thread, and `409` where the user has unsubscribed since the event.
   */
  subscribe(userId: UserId, roomId: string, rootId: string, cause: string | undefined): Promise<void>
  unsubscribe(userId: UserId, roomId: string, rootId: string): Promise<void>
  /** A page of what has changed, newest first. `next`: where the rest begins, undefined where there is none. */
  changes(reader: Reader, range: ChangesRange): Promise<{ changes: SubscriptionChange[]; next: number | undefined }>
  userDeactivated(tx: Tx, user: { userId: UserId }): Promise<void>
}

interface Deps {
  readonly db: Database
  readonly streams: Streams
  readonly view: RoomView
  readonly visibility: Visibility
}

const unstable = (status: number, errcode: string, message: string) =>
  new MatrixError(status, `IO.ELEMENT.MSC4306.${errcode}`, message)

export function createThreadSubscriptions({ db, streams, view, visibility }: Deps): ThreadSubscriptions {
  async function requireRoot(reader: Reader, userId: UserId, roomId: string, rootId: string): Promise<Room> {
    const { room } = await requireAccess(reader, view, roomId, userId).catch((error) => {
      throw error instanceof MatrixError ? errors.notFound('No such thread') : error
    })
    const root = await requireVisibleEvent(reader, visibility, room, userId, rootId)
    if (readRelation(root.pdu) !== undefined) throw errors.notFound('No thread can start from this event')
    return room
  }

  /** The position of the event that made the client subscribe. */
  async function causePosition(tx: Tx, room: Room, userId: UserId, rootId: string, cause: string): Promise<number> {
    const event = await requireVisibleEvent(tx, visibility, room, userId, cause).catch((error) => {
      if (error instanceof MatrixError) return undefined
      throw error
    })
    if (event?.threadId !== rootId) throw unstable(400, 'M_NOT_IN_THREAD', 'The event is not in this thread')
    return event.streamPos ?? 0
  }

  async function put(tx: Tx, userId: UserId, room: Room, rootId: string, state: SubscriptionState): Promise<void> {
    const position = await streams.allocate(tx, 1)
    await upsertSubscription(tx, {
      user_id: userId,
      room_nid: room.nid,
      root_id: rootId,
      state,
      stream_pos: position,
    })
    streams.notify(tx, { users: [userId] })
  }

  return {
    get: (userId, roomId, rootId) =>
      db.read(async (reader) => {
        const room = await requireRoot(reader, userId, roomId, rootId)
        const found = await getSubscription(reader, { userId, roomNid: room.nid, rootId })
        if (found === undefined || found.state === 'none') throw errors.notFound('You do not follow this thread')
        return { automatic: found.state === 'automatic' }
      }),
    subscribe: (userId, roomId, rootId, cause) =>
      db.write('subscribe to thread', async (tx) => {
        const room = await requireRoot(tx, userId, roomId, rootId)
        const position = cause === undefined ? undefined : await causePosition(tx, room, userId, rootId, cause)
        const before = await getSubscription(tx, { userId, roomNid: room.nid, rootId })
        if (before?.state === 'manual') return
        if (position !== undefined && before?.state === 'automatic') return
        if (position !== undefined && before !== undefined && position <= before.stream_pos) {
          throw unstable(409, 'M_CONFLICTING_UNSUBSCRIPTION', 'You have unsubscribed since that event')
        }
        await put(tx, userId, room, rootId, position === undefined ? 'manual' : 'automatic')
      }),
    unsubscribe: (userId, roomId, rootId) =>
      db.write('unsubscribe from thread', async (tx) => {
        const room = await requireRoot(tx, userId, roomId, rootId)
        const before = await getSubscription(tx, { userId, roomNid: room.nid, rootId })
        if (before !== undefined && before.state !== 'none') await put(tx, userId, room, rootId, 'none')
      }),
    changes: async (reader, range) => {
      const found = await listSubscriptionChanges(reader, { ...range, limit: range.limit + 1 })
      const beyond = found[range.limit]
      return { changes: found.slice(0, range.limit), next: beyond?.position }
    },
    userDeactivated: (tx, { userId }) => deleteSubscriptionsOf(tx, userId),
  }
}
