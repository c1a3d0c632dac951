import type { Appservice } from '../../accounts/appservices/appservice.ts'
import type { Database } from '../../db/database.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { AppserviceClient } from './client.ts'
import type { EphemeralNews } from './ephemeral-news.ts'
import type { Queries } from './queries.ts'
import { getProgress, updateProgress } from './store-progress.ts'
import type { Transaction, Transactions } from './transactions.ts'

/** Tells one application service what it is interested in, in order, and as often as it takes. */
export interface Sender {
  readonly service: Appservice
  readonly ephemeral: EphemeralNews
  /** There may be something to tell. */
  wake(): void
  /** The service seems to be back: try again now. */
  retry(): Promise<void>
  /** Resolves when all is told, or a failure has to be waited out. */
  drain(): Promise<void>
  /** Gives up what is under way; it is repeated at the next start. */
  stop(): Promise<void>
}

interface Deps {
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly client: AppserviceClient
  readonly queries: Pick<Queries, 'usersSettled'>
  readonly transactions: Transactions
}

/** Services may do their work before they answer. */
const timeoutMs = 60_000
const firstDelay = 1000
const longestDelay = 60_000

/** How long to wait after so many failures in a row, in ms. */
export const delayAfter = (attempts: number): number => Math.min(firstDelay * 2 ** (attempts - 1), longestDelay)

export function createSender(deps: Deps, service: Appservice, ephemeral: EphemeralNews): Sender {
  const { db, clock, log, client, queries, transactions } = deps
  const stopping = new AbortController()
  let working: Promise<void> | undefined
  let again = false
  let cancelTimer: (() => void) | undefined

  /** Returns why it failed, or nothing. */
  async function send({ id, body }: Transaction): Promise<string | undefined> {
    // Who acts for an invited user as soon as it hears of the invitation must have been asked to make the user before.
    await queries.usersSettled(service, stopping.signal)
    try {
      const path = `/transactions/${encodeURIComponent(id)}`
      const answer = await client.request(service, {
        method: 'PUT',
        path: `/_matrix/app/v1${path}`,
        legacyPath: path,
        body,
        timeoutMs,
        signal: stopping.signal,
      })
      return answer.isSuccess ? undefined : `it answered with status ${answer.status}`
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  async function failed(reason: string): Promise<void> {
    const attempts = await db.write('transaction failed', async (tx) => {
      const count = ((await getProgress(tx, service.id))?.attempts ?? 0) + 1
      const retry_ts = clock.now() + delayAfter(count)
      await updateProgress(tx, service.id, { attempts: count, retry_ts, last_error: reason })
      return count
    })
    const level = attempts === 1 ? 'warn' : 'debug'
    log[level]({ appservice: service.id, attempts, reason }, 'an application service did not take a transaction')
  }

  /** True where a failure has to be waited out. */
  async function isWaiting(): Promise<boolean> {
    const retryTs = (await db.read((reader) => getProgress(reader, service.id)))?.retry_ts ?? 0
    const wait = retryTs - clock.now()
    if (wait <= 0) return false
    cancelTimer?.()
    cancelTimer = clock.after(wait, wake)
    return true
  }

  async function work(): Promise<void> {
    do {
      again = false
      while (!stopping.signal.aborted && !(await isWaiting())) {
        const transaction = await transactions.next(service, ephemeral)
        if (transaction === undefined) break
        const reason = await send(transaction)
        if (reason === undefined) await transactions.done(service)
        else if (!stopping.signal.aborted) await failed(reason)
      }
    } while (again && !stopping.signal.aborted)
  }

  function drain(): Promise<void> {
    if (stopping.signal.aborted) return Promise.resolve()
    again = true
    working ??= work().finally(() => {
      working = undefined
    })
    return working
  }

  function wake(): void {
    drain().catch((error: unknown) => {
      log.error({ err: error, appservice: service.id }, 'the queue of an application service cannot be read')
      cancelTimer?.()
      if (!stopping.signal.aborted) cancelTimer = clock.after(longestDelay, wake)
    })
  }

  return {
    service,
    ephemeral,
    wake,
    drain,
    retry: async () => {
      await db.write('retry transaction', (tx) => updateProgress(tx, service.id, { retry_ts: 0 }))
      wake()
    },
    stop: async () => {
      stopping.abort()
      cancelTimer?.()
      await working?.catch((error: unknown) => log.debug({ err: error }, 'the sender was stopped'))
    },
  }
}
