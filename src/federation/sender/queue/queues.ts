import type { Database } from '../../../db/database.ts'
import { isServerName, type ServerName } from '../../../matrix/ids.ts'
import { createYielder } from '../../../util/async.ts'
import type { TimerClock } from '../../../util/clock.ts'
import { createKeyedMutex } from '../../../util/keyed-mutex.ts'
import { createLanes, type Outcome } from '../../../util/lanes.ts'
import type { Log } from '../../../util/log.ts'
import {
  deleteWaiting,
  getDestination,
  listFailing,
  listGone,
  listWaiting,
  updateDestination,
} from './store-destinations.ts'
import { thinOutEvents, thinOutMessages } from './thin-out.ts'

/** One queue for each server: one transaction at a time in each, a bounded number in all together. */
export interface Queues {
  /** There may be something to send. Servers that have failed are left alone until it is time. */
  wake(destinations: Iterable<string>): void
  /** The server is there again: what waits is sent now, or in some seconds where it has just taken nothing all the same. */
  heardFrom(destination: ServerName): void
  /** False where the server is not waited for. */
  reset(destination: ServerName): Promise<boolean>
  /** Forgets what waits for servers that were not reached for very long, and keeps little for those that are away. */
  sweep(): Promise<void>
  /** Resolves when everything is sent, or waits for another try. */
  drain(): Promise<void>
  start(): void
  stop(): Promise<void>
}

interface Deps {
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly deliver: (destination: ServerName, signal: AbortSignal) => Promise<Outcome>
}

/** Transactions under way at once. Servers that have failed may take long to fail again: they hold up no others. */
const maxRequests = { healthy: 100, failing: 20 }
const page = 500
/** After an error of ours. */
const errorDelay = 30_000
/** A server that calls us but cannot be called is not tried at each of its calls. */
const leastPause = 5_000
/** Nobody who comes back after so long counts on what was said meanwhile: 30 days. */
const goneAfter = 30 * 24 * 3_600_000
/** For a server that is away so long (a day) only that is kept from which it can find the rest. */
const awayAfter = 24 * 3_600_000

export function createQueues({ db, clock, log, deliver }: Deps): Queues {
  const stopping = new AbortController()
  /** Servers that have failed, and when they may be tried at their own call. */
  const failing = new Map<string, number>()
  /** Servers that have called too soon after they failed, and how to forget that. */
  const calls = new Map<string, () => void>()
  const oneAtATime = createKeyedMutex()
  let starting: Promise<void> | undefined

  async function run(destination: ServerName): Promise<Outcome> {
    try {
      const outcome = await oneAtATime.run(destination, () => deliver(destination, stopping.signal))
      if (outcome.retryTs === undefined) failing.delete(destination)
      else failing.set(destination, clock.now() + leastPause)
      return outcome
    } catch (error) {
      log.error({ err: error, destination }, 'the queue of a server cannot be read')
      return { retryTs: clock.now() + errorDelay }
    }
  }

  const retries = createLanes<ServerName>(clock, { perLane: 1, total: maxRequests.failing }, run)
  const lanes = createLanes<ServerName>(clock, { perLane: 1, total: maxRequests.healthy }, async (destination) => {
    const { retryTs } = await run(destination)
    if (retryTs !== undefined) retries.runAt(destination, destination, destination, retryTs)
    return {}
  })

  function wake(destinations: Iterable<string>): void {
    for (const destination of destinations) {
      // Who has no valid name cannot be reached; the authorisation rules let such users be.
      if (!isServerName(destination)) continue
      ;(failing.has(destination) ? retries : lanes).wake(destination, destination, destination)
    }
  }

  async function wakeAll(): Promise<void> {
    const pause = createYielder()
    for (let after = ''; !stopping.signal.aborted; await pause()) {
      const waiting = await db.read((reader) => listWaiting(reader, after, page))
      wake(waiting)
      after = waiting.at(-1) ?? ''
      if (waiting.length < page) break
    }
  }

  /** What waits for a server that is away must not grow until it is given up. */
  async function thinOut(): Promise<void> {
    for (let after = ''; !stopping.signal.aborted; ) {
      const away = await db.read((reader) => listFailing(reader, clock.now() - awayAfter, after, page))
      for (const { destination, txn_pos: position } of away) {
        await db.write('thin out a queue', async (tx) => {
          const events = await thinOutEvents(tx, destination, position)
          const messages = await thinOutMessages(tx, destination)
          if (events + messages > 0) log.info({ destination, events, messages }, 'less waits for a server that is away')
        })
      }
      after = away.at(-1)?.destination ?? ''
      if (away.length < page) break
    }
  }

  async function retry(destination: ServerName): Promise<void> {
    await db.write('retry destination', (tx) => updateDestination(tx, destination, { retry_ts: 0 }))
    retries.wakeNow(destination, destination, destination)
  }

  function answerCall(destination: ServerName): void {
    calls.delete(destination)
    if (!failing.has(destination)) return
    failing.set(destination, clock.now() + leastPause)
    retry(destination).catch((error: unknown) => log.error({ err: error, destination }, 'a retry cannot be noted'))
  }

  return {
    wake,
    heardFrom: (destination) => {
      const due = failing.get(destination)
      if (due === undefined || calls.has(destination) || stopping.signal.aborted) return
      if (due <= clock.now()) return answerCall(destination)
      const cancel = clock.after(due - clock.now(), () => answerCall(destination))
      calls.set(destination, cancel)
    },
    reset: async (destination) => {
      const row = await db.read((reader) => getDestination(reader, destination))
      if (row === undefined || row.attempts === 0) return false
      await db.write('reset destination', (tx) =>
        updateDestination(tx, destination, { attempts: 0, retry_ts: 0, failing_since: null, last_error: null }),
      )
      await retry(destination)
      return true
    },
    sweep: async () => {
      for (const destination of await db.read((reader) => listGone(reader, clock.now() - goneAfter, page))) {
        log.info({ destination }, 'a server has not been reached for 30 days: what waited for it is forgotten')
        await db.write('forget destination', (tx) => deleteWaiting(tx, destination))
      }
      await thinOut()
    },
    drain: async () => {
      await starting
      await lanes.idle()
      await retries.idle()
    },
    start: () => {
      starting = wakeAll().catch((error: unknown) => log.error({ err: error }, 'the federation queues cannot be read'))
    },
    stop: async () => {
      stopping.abort()
      for (const cancel of calls.values()) cancel()
      await starting
      await Promise.all([lanes.stop(), retries.stop()])
    },
  }
}
