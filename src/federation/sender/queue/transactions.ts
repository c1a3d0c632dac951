import type { Database, Tx } from '../../../db/database.ts'
import type { Jobs } from '../../../jobs/jobs.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import type { ServerName } from '../../../matrix/ids.ts'
import { serverBackJob } from '../../../media/delivery/resettle.ts'
import type { RoomReads } from '../../../rooms/reads.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Log } from '../../../util/log.ts'
import { randomToken } from '../../../util/random.ts'
import type { OutgoingDevices } from '../devices/outgoing-devices.ts'
import type { PendingEdus } from '../ephemeral/pending-edus.ts'
import { closeTransaction, type DestinationRow, getDestination, openTransaction } from './store-destinations.ts'
import { deleteQueued, listQueued } from './store-queue.ts'
import { thinOutEvents } from './thin-out.ts'

export interface Transaction {
  readonly id: string
  readonly body: JsonObject
}

/** What goes to other servers, one transaction at a time for each. */
export interface Transactions {
  /**
   * The transaction that is under way, or the next one; undefined where there is nothing to send. One that was given out
   * never changes. `done` is the one that the server has taken, `dropped` one that it never will.
   */
  next(
    destination: ServerName,
    end?: { readonly id: string; readonly as: 'done' | 'dropped' },
  ): Promise<Transaction | undefined>
}

interface Deps {
  readonly serverName: ServerName
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly jobs: Pick<Jobs, 'enqueue'>
  readonly reads: Pick<RoomReads, 'events'>
  readonly devices: OutgoingDevices
  readonly pending: PendingEdus
  /** Runs in the transaction that notes that a server has taken everything up to a position. */
  readonly taken: TakenHook
}

export type TakenHook = (tx: Tx, destination: ServerName, upTo: number) => Promise<void>

const maxPdus = 50
const maxEdus = 100

export function createTransactions(deps: Deps): Transactions {
  const { serverName, db, clock, log, jobs, reads, devices, pending, taken } = deps

  async function load(tx: Tx, row: { destination: string; txn_pos: number; txn_ts: number; txn_edus: string }) {
    const nids = (await listQueued(tx, row.destination, row.txn_pos, maxPdus)).map((queued) => queued.event_nid)
    const events = await reads.events(tx, nids)
    return {
      origin: serverName,
      origin_server_ts: row.txn_ts,
      pdus: nids.flatMap((nid) => events.get(nid)?.pdu ?? []),
      // Written below.
      edus: JSON.parse(row.txn_edus) as JsonObject[],
    } as unknown as JsonObject
  }

  async function thinOut(tx: Tx, destination: string, after: number): Promise<void> {
    const skipped = await thinOutEvents(tx, destination, after)
    if (skipped > 0)
      log.info({ destination, skipped }, 'a server comes back after long: it is sent the newest event of each room')
  }

  async function finish(tx: Tx, row: DestinationRow, as: 'done' | 'dropped'): Promise<void> {
    const { destination, txn_pos: upTo } = row
    await deleteQueued(tx, destination, upTo)
    const sentPos = as === 'done' && upTo > 0 ? upTo : row.sent_pos
    await closeTransaction(tx, destination, sentPos)
    // Destinations are read from our own table.
    if (as === 'done' && upTo > 0) await taken(tx, destination as ServerName, upTo)
    if (row.failing_since !== null) {
      await jobs.enqueue(tx, serverBackJob, { server: destination, from: row.failing_since, to: clock.now() })
    }
    if (row.attempts > 0) await thinOut(tx, destination, upTo)
  }

  async function open(
    tx: Tx,
    destination: ServerName,
  ): Promise<{ transaction: Transaction; forget(): void } | undefined> {
    const queued = await listQueued(tx, destination, Number.MAX_SAFE_INTEGER, maxPdus)
    const durable = await devices.take(tx, destination, maxEdus)
    const fleeting = pending.collect(destination, maxEdus - durable.length)
    if (queued.length + durable.length + fleeting.edus.length === 0) return undefined
    const opened = {
      destination,
      id: randomToken(15),
      pos: queued.at(-1)?.stream_pos ?? 0,
      edus: JSON.stringify([...durable, ...fleeting.edus]),
      ts: clock.now(),
    }
    await openTransaction(tx, opened)
    const row = { destination, txn_pos: opened.pos, txn_edus: opened.edus, txn_ts: opened.ts }
    return { transaction: { id: opened.id, body: await load(tx, row) }, forget: fleeting.forget }
  }

  return {
    next: async (destination, end) => {
      const result = await db.write('next transaction', async (tx) => {
        const row = await getDestination(tx, destination)
        if (row !== undefined && row.txn_id !== null) {
          if (row.txn_id !== end?.id) return { transaction: { id: row.txn_id, body: await load(tx, row) } }
          await finish(tx, row, end.as)
        }
        return open(tx, destination)
      })
      if (result !== undefined && 'forget' in result) result.forget()
      return result?.transaction
    },
  }
}
