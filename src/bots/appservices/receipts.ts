import type { Appservice } from '../../accounts/appservices/appservice.ts'
import type { Tx } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { ReceiptHook, Receipts } from '../../rooms/ephemeral/receipts.ts'
import { type Interest, isOwnUser } from './interest.ts'
import { deleteQueuedReceipts, listQueuedReceipts, queueReceipts } from './store-queued-news.ts'

interface QueueDeps {
  readonly streams: Pick<Streams, 'positionIn'>
  readonly interest: Interest
  wake(ids: Iterable<string>): void
}

/** Notes rooms with new receipts for the services that want to know. */
export function createReceiptQueue({ streams, interest, wake }: QueueDeps): ReceiptHook {
  return async (tx, { room, userId, type }) => {
    const woken: string[] = []
    for (const service of interest.listeners()) {
      if (!service.registration.receivesEphemeral) continue
      if (type === 'm.read.private' && !isOwnUser(service, userId)) continue
      if (!(await interest.isRoom(tx, service, room))) continue
      // The receipt has the position that this write took last.
      await queueReceipts(tx, service.id, room.nid, (await streams.positionIn(tx)) - 1)
      woken.push(service.id)
    }
    if (woken.length > 0) tx.afterCommit(() => wake(woken))
  }
}

/** Takes up to `limit` rooms' new receipts out of the queue, as `m.receipt` events. */
export async function takeReceipts(
  { receipts }: { receipts: Pick<Receipts, 'contentWith'> },
  tx: Tx,
  service: Appservice,
  limit: number,
): Promise<JsonObject[]> {
  const events: JsonObject[] = []
  for (const row of await listQueuedReceipts(tx, service.id, limit)) {
    const range = { after: row.since_pos, upTo: Number.MAX_SAFE_INTEGER }
    const content = await receipts.contentWith(tx, row.room_nid, range, (userId) => isOwnUser(service, userId))
    if (content !== undefined) events.push({ type: 'm.receipt', room_id: row.room_id, content })
    await deleteQueuedReceipts(tx, service.id, row.room_nid)
  }
  return events
}
