import type { Database } from '../../../db/database.ts'
import { type ServerName, serverOf } from '../../../matrix/ids.ts'
import type { MovedReceipt, ReceiptHook } from '../../../rooms/ephemeral/receipts.ts'
import type { TimerClock } from '../../../util/clock.ts'
import type { Log } from '../../../util/log.ts'
import { listRoomServers } from '../rooms/store-room-servers.ts'
import type { PendingEdus } from './pending-edus.ts'

/** Tells other servers how far our users have read, where these say so publicly. */
export interface ReceiptNews {
  readonly hook: ReceiptHook
  /** Sends what is being gathered. */
  flush(): Promise<void>
  stop(): void
}

interface Deps {
  readonly serverName: ServerName
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly pending: PendingEdus
  wake(destinations: Iterable<string>): void
}

/** Receipts of a room are gathered for so long, in ms, and the longer the more servers have to be told. */
const delays = { least: 100, perServer: 20, longest: 10_000 }
/** Older ones are of no interest to anybody. */
const lifetime = 3_600_000

interface Gathered {
  readonly roomId: string
  readonly receipts: Map<string, MovedReceipt & { readonly ts: number }>
}

export function createReceiptNews({ serverName, db, clock, log, pending, wake }: Deps): ReceiptNews {
  const rooms = new Map<number, Gathered>()
  const timers = new Map<number, () => void>()
  /** How many servers were in the room at the last look. */
  const sizes = new Map<number, number>()
  let working = Promise.resolve()

  async function send(roomNid: number): Promise<void> {
    const gathered = rooms.get(roomNid)
    rooms.delete(roomNid)
    if (gathered === undefined) return
    const servers = await db.read((reader) => listRoomServers(reader, roomNid))
    const names = servers.flatMap(({ server, denied }) => (denied === 0 ? [server] : []))
    if (sizes.size > 10_000) sizes.clear()
    sizes.set(roomNid, names.length)
    for (const [key, { userId, threadId, event, ts }] of gathered.receipts) {
      const data = { ts, ...(threadId !== undefined && { thread_id: threadId }) }
      const receipt = { [userId]: { event_ids: [event.eventId], data } }
      const content = { [gathered.roomId]: { 'm.read': receipt } }
      const edu = { type: 'm.receipt', content, until: clock.now() + lifetime }
      for (const server of names) pending.put(server, `receipt ${roomNid} ${key}`, edu)
    }
    wake(names)
  }

  function sendNow(roomNid: number): void {
    timers.get(roomNid)?.()
    timers.delete(roomNid)
    working = working
      .then(() => send(roomNid))
      .catch((error: unknown) => log.warn({ err: error }, 'other servers were not told of receipts'))
  }

  function gather(receipt: MovedReceipt): void {
    const { room, userId, threadId = '' } = receipt
    const gathered = rooms.get(room.nid) ?? { roomId: room.roomId, receipts: new Map() }
    rooms.set(room.nid, gathered)
    gathered.receipts.set(`${userId} ${threadId}`, { ...receipt, ts: clock.now() })
    if (timers.has(room.nid)) return
    const delay = Math.min(delays.least + (sizes.get(room.nid) ?? 0) * delays.perServer, delays.longest)
    timers.set(
      room.nid,
      clock.after(delay, () => sendNow(room.nid)),
    )
  }

  return {
    hook: async (tx, receipt) => {
      if (receipt.type !== 'm.read' || serverOf(receipt.userId) !== serverName) return
      tx.afterCommit(() => gather(receipt))
    },
    flush: async () => {
      for (const roomNid of [...timers.keys()]) sendNow(roomNid)
      await working
    },
    stop: () => {
      for (const cancel of timers.values()) cancel()
    },
  }
}
