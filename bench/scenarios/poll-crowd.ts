import { setTimeout as sleep } from 'node:timers/promises'
import { type Address, Connection } from '../http/connection.ts'
import type { Answer } from '../http/response-parser.ts'
import type { Account } from '../matrix/accounts.ts'
import { LEAN_FILTER, nextBatchOf, syncNow, syncPath } from '../matrix/sync.ts'
import { eachOf } from '../measure/concurrency.ts'

const POLL_MS = 120_000
const WAKE_LIMIT_MS = 120_000
/** Opened at once, so that no listen queue overflows. */
const OPEN_WIDTH = 100

/** Users of whom each has one long poll open, all the time. */
export interface PollCrowd {
  /** Resolves when no poll has been answered for `quietMs`. */
  settle(quietMs: number): Promise<void>
  /** Resolves with the time (of `performance.now()`) at which each poll had the text; rejects after 120 s. */
  awaitMarker(marker: string): Promise<number[]>
  /** Ends all polls. */
  close(): void
}

interface Wake {
  marker: Buffer
  arrivals: number[]
  done(): void
}

/**
 * Opens a long poll for each account, from the position `since` of another user of the same room: positions are
 * the server's and not a user's in all known servers. Where that is refused, each user syncs for itself first.
 */
export async function openPolls(address: Address, accounts: readonly Account[], since: string): Promise<PollCrowd> {
  const connections = accounts.map(() => new Connection(address))
  let open = true
  let lastAnswer = performance.now()
  let failure: unknown
  let wake: Wake | undefined

  const take = (answer: Answer) => {
    const at = performance.now()
    lastAnswer = at
    if (!wake?.marker || !answer.body.includes(wake.marker)) return
    wake.arrivals.push(at)
    if (wake.arrivals.length === accounts.length) wake.done()
  }
  const poll = async (connection: Connection, account: Account, from: string) => {
    for (let position = from; open; ) {
      const answer = await connection.request('GET', syncPath(position, POLL_MS, LEAN_FILTER), account.token)
      take(answer)
      position = nextBatchOf(answer)
    }
  }
  const begin = async (account: Account, index: number) => {
    const connection = connections[index]
    if (!connection) return
    const own = await syncNow(connection, account.token, since, LEAN_FILTER).catch(() =>
      syncNow(connection, account.token, undefined, LEAN_FILTER),
    )
    poll(connection, account, own).catch((error: unknown) => {
      if (open) failure ??= error
    })
  }
  await eachOf(accounts, OPEN_WIDTH, begin)

  return {
    async settle(quietMs) {
      lastAnswer = performance.now()
      while (performance.now() - lastAnswer < quietMs && failure === undefined) await sleep(50)
      if (failure !== undefined) throw failure
    },
    async awaitMarker(marker) {
      const arrivals: number[] = []
      const all = new Promise<void>((resolve) => {
        wake = { marker: Buffer.from(marker), arrivals, done: resolve }
      })
      const limit = new AbortController()
      await Promise.race([all, sleep(WAKE_LIMIT_MS, undefined, { signal: limit.signal })])
      limit.abort()
      wake = undefined
      if (arrivals.length === accounts.length) return arrivals
      throw new Error(`only ${arrivals.length} of ${accounts.length} polls were woken in ${WAKE_LIMIT_MS / 1000} s`)
    },
    close() {
      open = false
      for (const connection of connections) connection.close()
    },
  }
}
