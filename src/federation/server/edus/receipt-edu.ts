import { z } from 'zod'
import type { Database } from '../../../db/database.ts'
import { MatrixError } from '../../../matrix/errors.ts'
import type { EventId, RoomId, ServerName, UserId } from '../../../matrix/ids.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import type { PersistHook } from '../../../rooms/types.ts'
import type { Log } from '../../../util/log.ts'
import { LruMap } from '../../../util/lru.ts'
import type { EduHandler } from './edus.ts'
import { eventId, parseEdu, requireUserOf, roomId, userId } from './parse-edu.ts'
import { requirePresent } from './require-present.ts'

const schema = z.record(
  z.string(),
  z.looseObject({
    'm.read': z
      .record(
        z.string(),
        z.object({
          event_ids: z.array(eventId).min(1),
          data: z.object({ ts: z.int().optional().catch(undefined), thread_id: z.string().max(255).optional() }),
        }),
      )
      .optional(),
  }),
)

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
  const waiting = new LruMap<string, RemoteReceipt[]>(maxWaiting, (receipts) => receipts.length)

  async function put(receipt: RemoteReceipt): Promise<void> {
    const isTaken = await db.write('remote receipt', async (tx) => {
      const room = await requirePresent(rooms, tx, receipt.roomId, receipt.userId)
      return rooms.receipts.receive(tx, room, receipt)
    })
    if (!isTaken) waiting.set(receipt.eventId, [...(waiting.get(receipt.eventId) ?? []), receipt])
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

function listReceipts(origin: ServerName, content: Parameters<EduHandler>[1]): RemoteReceipt[] {
  const found: RemoteReceipt[] = []
  for (const [room, { 'm.read': users = {} }] of Object.entries(parseEdu(schema, content))) {
    for (const [user, { event_ids: eventIds, data }] of Object.entries(users)) {
      const [readEvent] = eventIds
      if (readEvent === undefined || found.length >= maxReceipts) continue
      const author = parseEdu(z.object({ userId, roomId }), { userId: user, roomId: room })
      requireUserOf(origin, author.userId)
      found.push({ ...author, eventId: readEvent, threadId: data.thread_id, ts: data.ts })
    }
  }
  return found
}
