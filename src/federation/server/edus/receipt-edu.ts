import { z } from 'zod'
import type { Database } from '../../../db/database.ts'
import { MatrixError } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { type EventId, type RoomId, type ServerName, serverOf, type UserId } from '../../../matrix/ids.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import type { PersistHook } from '../../../rooms/types.ts'
import type { Log } from '../../../util/log.ts'
import { LruMap } from '../../../util/lru.ts'
import type { EduHandler } from './edus.ts'
import { eventId, roomId, userId } from './parse-edu.ts'
import { requirePresent } from './require-present.ts'

const objects = z.record(z.string(), z.unknown())
const schema = z.object({
  room: roomId,
  user: userId,
  receipt: z.object({
    event_ids: z.array(eventId).min(1),
    data: z.object({ ts: z.int().optional().catch(undefined), thread_id: z.string().max(255).nullish() }),
  }),
})

interface RemoteReceipt {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly eventId: EventId
  readonly threadId: string | undefined
  readonly ts: number | undefined
}

interface Deps {
  readonly db: Database
  readonly log: Log
  readonly rooms: Pick<Rooms, 'reads' | 'history' | 'receipts'>
}

export interface ReceiptEdu {
  readonly handle: EduHandler
  /** Receipts often overtake the events that they are for. */
  readonly hook: PersistHook
}

/** Of one EDU. */
const maxReceipts = 1000
/** Receipts that wait for their events. */
const maxWaiting = 5000

/** https://spec.matrix.org/v1.19/server-server-api/#receipts */
export function createReceiptEdu({ db, log, rooms }: Deps): ReceiptEdu {
  const waiting = new LruMap<EventId, RemoteReceipt[]>(maxWaiting, (receipts) => receipts.length)
  /** For which event the last receipt of a user in a thread waits. */
  const latest = new LruMap<string, EventId>(maxWaiting)

  function wait(receipt: RemoteReceipt): void {
    const key = keyOf(receipt)
    const before = latest.get(key) ?? receipt.eventId
    const others = waiting.get(before)?.filter((one) => keyOf(one) !== key) ?? []
    if (others.length > 0) waiting.set(before, others)
    else waiting.delete(before)
    latest.set(key, receipt.eventId)
    waiting.set(receipt.eventId, [...(waiting.get(receipt.eventId) ?? []), receipt])
  }

  async function put(receipt: RemoteReceipt): Promise<void> {
    const isTaken = await db.write('remote receipt', async (tx) => {
      const room = await requirePresent(rooms, tx, receipt.roomId, receipt.userId)
      return rooms.receipts.receive(tx, room, receipt)
    })
    if (!isTaken) wait(receipt)
  }

  /** Receipts of users that don't stand take nothing away from those of others. */
  async function tryPut(receipt: RemoteReceipt): Promise<void> {
    try {
      await put(receipt)
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
    }
  }

  return {
    handle: async (origin, content) => {
      // Writes that wait together are committed together.
      await Promise.all(listReceipts(origin, content).map(tryPut))
    },
    hook: async (tx, { events }) => {
      const overtaken = events.flatMap((event) => waiting.get(event.eventId) ?? [])
      if (overtaken.length === 0) return
      tx.afterCommit(() => {
        for (const receipt of overtaken) {
          waiting.delete(receipt.eventId)
          tryPut(receipt).catch((error: unknown) => log.warn({ err: error }, 'a receipt could not be stored'))
        }
      })
    },
  }
}

const keyOf = ({ roomId, userId, threadId = '' }: RemoteReceipt) => `${roomId} ${userId} ${threadId}`

/** Those of the server's own users; what makes no sense takes nothing away from the others. */
function listReceipts(origin: ServerName, content: JsonObject): RemoteReceipt[] {
  const found: RemoteReceipt[] = []
  for (const [room, types] of Object.entries(content)) {
    const users = objects.safeParse(objects.safeParse(types).data?.['m.read']).data ?? {}
    for (const [user, receipt] of Object.entries(users)) {
      const read = schema.safeParse({ room, user, receipt }).data
      const [readEvent] = read?.receipt.event_ids ?? []
      if (read === undefined || readEvent === undefined || found.length >= maxReceipts) continue
      if (serverOf(read.user) !== origin) continue
      const { ts, thread_id: threadId } = read.receipt.data
      found.push({ roomId: read.room, userId: read.user, eventId: readEvent, threadId: threadId ?? undefined, ts })
    }
  }
  return found
}
