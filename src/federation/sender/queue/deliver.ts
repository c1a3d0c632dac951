import type { Database } from '../../../db/database.ts'
import type { ServerName } from '../../../matrix/ids.ts'
import type { Clock } from '../../../util/clock.ts'
import { FetchError } from '../../../util/fetch-error.ts'
import type { Outcome } from '../../../util/lanes.ts'
import type { Log } from '../../../util/log.ts'
import { type FederationTransport, RemoteError } from '../../client/ports.ts'
import { sendTransaction } from '../../client/requests-send.ts'
import type { PendingEdus } from '../ephemeral/pending-edus.ts'
import { deleteWaiting, getDestination, updateDestination } from './store-destinations.ts'
import type { Transactions } from './transactions.ts'

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly transport: FederationTransport
  readonly transactions: Transactions
  readonly pending: PendingEdus
}

const firstDelay = 2_000
const longestDelay = 3_600_000

/** How long to wait after so many failures in a row, in ms. */
export const delayAfter = (attempts: number): number => Math.min(firstDelay * 2 ** (attempts - 1), longestDelay)

/**
 * How often a transaction is sent to a server that refuses it whole. A fault of what it holds is there at every attempt;
 * a server that does not know who we are, or is not set up yet, gets the time that repairs take (about ten hours).
 */
const patience = { withContent: 5, withUs: 20 }
const refusalsOfUs: readonly number[] = [401, 403, 404, 405]

/** What the failure says about the transaction. */
function patienceFor(error: unknown): number | undefined {
  if (error instanceof FetchError) return error.failure === 'bad_answer' ? patience.withUs : undefined
  if (!(error instanceof RemoteError) || error.status < 400 || error.status >= 500) return undefined
  if (error.status === 408 || error.status === 429) return undefined
  return refusalsOfUs.includes(error.status) ? patience.withUs : patience.withContent
}

/** How long the server asks to be left alone, in ms. */
function requestedDelay(error: unknown): number {
  const asked = error instanceof RemoteError && error.status === 429 ? error.body.retry_after_ms : 0
  return typeof asked === 'number' && asked > 0 ? Math.min(asked, longestDelay) : 0
}

/** Sends one server what waits for it until nothing does, or a failure has to be waited out. */
export function createDeliver(deps: Deps): (destination: ServerName, signal: AbortSignal) => Promise<Outcome> {
  const { db, clock, log, transport, transactions, pending } = deps

  async function drop(destination: ServerName): Promise<Outcome> {
    pending.drop(destination)
    await db.write('drop queue', (tx) => deleteWaiting(tx, destination))
    return {}
  }

  /** When to try again; undefined: the transaction is given up. */
  async function failed(destination: ServerName, error: unknown): Promise<number | undefined> {
    const reason = error instanceof Error ? error.message : String(error)
    const limit = patienceFor(error)
    const after = await db.write('transaction failed', async (tx) => {
      const row = await getDestination(tx, destination)
      const attempts = (row?.attempts ?? 0) + 1
      const refusals = (row?.refusals ?? 0) + (limit === undefined ? 0 : 1)
      const retryTs = clock.now() + Math.max(delayAfter(attempts), requestedDelay(error))
      await updateDestination(tx, destination, {
        attempts,
        refusals,
        failing_since: row?.failing_since ?? clock.now(),
        failed_ts: clock.now(),
        retry_ts: retryTs,
        last_error: reason.slice(0, 500),
      })
      return { attempts, refusals, retryTs }
    })
    const facts = { destination, attempts: after.attempts, reason }
    if (limit !== undefined && after.refusals >= limit) {
      log.warn(facts, 'a server refuses a transaction for good: what it holds is not sent')
      return undefined
    }
    log[after.attempts === 1 ? 'info' : 'debug'](facts, 'a server did not take a transaction')
    return after.retryTs
  }

  /** When to try again; undefined: not needed. */
  async function waitingUntil(destination: ServerName): Promise<number | undefined> {
    const row = await db.read((reader) => getDestination(reader, destination))
    return row !== undefined && row.retry_ts > clock.now() ? row.retry_ts : undefined
  }

  return async (destination, signal) => {
    if (!transport.isAllowed(destination)) return drop(destination)
    const retryTs = await waitingUntil(destination)
    if (retryTs !== undefined) return { retryTs }
    let transaction = await transactions.next(destination)
    while (transaction !== undefined && !signal.aborted) {
      const { id, body } = transaction
      let end: 'done' | 'dropped' = 'done'
      try {
        const refused = await sendTransaction(transport, { destination, id, body }, signal)
        for (const [event, reason] of refused) log.info({ destination, event, reason }, 'a server refused an event')
      } catch (error) {
        if (signal.aborted) break
        if (!(error instanceof FetchError || error instanceof RemoteError)) throw error
        const next = await failed(destination, error)
        if (next !== undefined) return { retryTs: next }
        end = 'dropped'
      }
      transaction = await transactions.next(destination, { id, as: end })
    }
    return {}
  }
}
