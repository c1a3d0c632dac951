import type { Database, Reader, Tx } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { EventId, UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import { requireJoined } from '../access.ts'
import type { Actor } from '../actor.ts'
import { getEventById } from '../store-events.ts'
import type { Room, StoredEvent } from '../types.ts'
import { receiptContent } from './receipt-content.ts'
import { getReceipt, listReceipts, listReceiptsOf, listVisibleReceipts, upsertReceipt } from './store-receipts.ts'

export type ReceiptType = 'm.read' | 'm.read.private'

export interface ReceiptRequest {
  readonly type: ReceiptType
  readonly eventId: string
  /** `main` or the root of a thread; undefined: unthreaded. */
  readonly threadId?: string | undefined
}

/** A receipt that moved forward, as a hook sees it in the same transaction. */
export interface MovedReceipt {
  readonly room: Room
  readonly userId: UserId
  readonly type: ReceiptType
  readonly threadId: string | undefined
  readonly event: StoredEvent
}

export type ReceiptHook = (tx: Tx, receipt: MovedReceipt) => Promise<void>

export interface OwnReceipt {
  readonly type: ReceiptType
  readonly threadId: string | undefined
  readonly eventId: EventId
  /** Stream position of the event. */
  readonly eventPos: number
  /** Stream position of the receipt itself. */
  readonly streamPos: number
}

export interface Receipts {
  /** Moves receipts forward; what lies behind the present one changes nothing. Throws `403` for others than members. */
  set(actor: Actor, roomId: string, requests: readonly ReceiptRequest[]): Promise<void>
  /** The same inside a transaction. */
  setIn(tx: Tx, actor: Actor, roomId: string, requests: readonly ReceiptRequest[]): Promise<void>
  /**
   * Moves a public receipt of a user of another server, who is in the room. False where the event is not known (yet);
   * threads are as that server says.
   */
  receive(
    tx: Tx,
    room: Room,
    receipt: { userId: UserId; eventId: EventId; threadId: string | undefined; ts: number | undefined },
  ): Promise<boolean>
  /** What a user may see of a room's receipts, in `(after, upTo]`, as the content of `m.receipt`; undefined: nothing. */
  content(
    reader: Reader,
    userId: UserId,
    roomNid: number,
    range?: { after?: number | undefined; upTo?: number | undefined },
  ): Promise<JsonObject | undefined>
  /** The same with the private receipts of some users, for application services. */
  contentWith(
    reader: Reader,
    roomNid: number,
    range: { after: number; upTo: number },
    seesPrivate: (userId: string) => boolean,
  ): Promise<JsonObject | undefined>
  /**
   * The receipts on some events, which stand after the position `after`, and the user's own on any event, as the content
   * of `m.receipt`; undefined: none.
   */
  contentOn(
    reader: Reader,
    userId: UserId,
    roomNid: number,
    events: { after: number; ids: ReadonlySet<string> },
  ): Promise<JsonObject | undefined>
  /** Where a user has read to, in all threads, publicly and privately. */
  listOwn(reader: Reader, roomNid: number, userId: string): Promise<OwnReceipt[]>
  onReceipt(hook: ReceiptHook): void
}

interface Deps {
  readonly db: Database
  readonly streams: Streams
  readonly clock: Clock
}

/** An accepted event of the room. Throws `400 M_INVALID_PARAM` where there is none. */
export async function requireEventOf(reader: Reader, room: Room, eventId: string): Promise<StoredEvent> {
  const event = await getEventById(reader, eventId)
  if (event === undefined || event.roomNid !== room.nid || event.status !== 0 || event.streamPos === undefined) {
    throw errors.invalidParam('The event is not in this room')
  }
  return event
}

/**
 * A thread's root belongs to the main timeline, and is where reading the thread begins. Of a redacted event clients do
 * not know any more which thread it was in.
 */
function requireInThread(event: StoredEvent, threadId: string | undefined): void {
  if (threadId === undefined || event.redactedBy !== undefined) return
  const isInMain = event.threadId === undefined
  const belongs = threadId === 'main' ? isInMain : event.threadId === threadId || event.eventId === threadId
  if (!belongs) throw errors.invalidParam('The event is not in that thread')
}

export function createReceipts({ db, streams, clock }: Deps): Receipts {
  const hooks: ReceiptHook[] = []

  async function move(tx: Tx, room: Room, userId: UserId, { type, eventId, threadId }: ReceiptRequest) {
    const event = await requireEventOf(tx, room, eventId)
    requireInThread(event, threadId)
    await place(tx, { room, userId, type, threadId, event }, clock.now())
  }

  async function place(tx: Tx, receipt: MovedReceipt, ts: number): Promise<void> {
    const { room, userId, type, threadId, event } = receipt
    const eventPos = event.streamPos ?? 0
    const key = { roomNid: room.nid, userId, type, threadId: threadId ?? '' }
    const before = await getReceipt(tx, key)
    if (before !== undefined && before.event_pos >= eventPos) return
    await upsertReceipt(tx, {
      room_nid: room.nid,
      user_id: userId,
      receipt_type: type,
      thread_id: threadId ?? '',
      event_id: event.eventId,
      event_pos: eventPos,
      ts,
      stream_pos: await streams.allocate(tx, 1),
    })
    for (const hook of hooks) await hook(tx, receipt)
    streams.notify(tx, type === 'm.read' ? { rooms: [room.roomId], users: [userId] } : { users: [userId] })
  }

  const setIn: Receipts['setIn'] = async (tx, actor, roomId, requests) => {
    const room = await requireJoined(tx, roomId, actor.userId)
    for (const request of requests) await move(tx, room, actor.userId, request)
  }

  return {
    set: (actor, roomId, requests) => db.write('receipts', (tx) => setIn(tx, actor, roomId, requests)),
    setIn,
    receive: async (tx, room, { userId, eventId, threadId, ts }) => {
      const event = await getEventById(tx, eventId)
      if (event?.roomNid !== room.nid || event.status !== 0 || event.streamPos === undefined) return false
      await place(tx, { room, userId, type: 'm.read', threadId, event }, ts ?? clock.now())
      return true
    },
    content: async (reader, userId, roomNid, { after = 0, upTo = Number.MAX_SAFE_INTEGER } = {}) =>
      receiptContent(await listVisibleReceipts(reader, { roomNid, after, upTo, userId })),
    contentWith: async (reader, roomNid, range, seesPrivate) => {
      const rows = await listReceipts(reader, { roomNid, ...range })
      return receiptContent(rows.filter((row) => row.receipt_type !== 'm.read.private' || seesPrivate(row.user_id)))
    },
    contentOn: async (reader, userId, roomNid, { after, ids }) => {
      // A receipt is always younger than its event.
      const range = { roomNid, after: Math.max(after, 0), upTo: Number.MAX_SAFE_INTEGER, userId }
      const rows = ids.size === 0 ? [] : await listVisibleReceipts(reader, range)
      const others = rows.filter((row) => row.user_id !== userId && ids.has(row.event_id))
      return receiptContent([...others, ...(await listReceiptsOf(reader, roomNid, userId))])
    },
    listOwn: async (reader, roomNid, userId) =>
      (await listReceiptsOf(reader, roomNid, userId)).map((row) => ({
        // Only these two types are ever written, on events of ours.
        type: row.receipt_type as ReceiptType,
        threadId: row.thread_id === '' ? undefined : row.thread_id,
        eventId: row.event_id as EventId,
        eventPos: row.event_pos,
        streamPos: row.stream_pos,
      })),
    onReceipt: (hook) => void hooks.push(hook),
  }
}
