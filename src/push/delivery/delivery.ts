import type { Accounts } from '../../accounts/accounts.ts'
import type { Database } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { PersistHook } from '../../rooms/types.ts'
import { createYielder } from '../../util/async.ts'
import type { TimerClock } from '../../util/clock.ts'
import { createLanes, type Outcome } from '../../util/lanes.ts'
import type { Log } from '../../util/log.ts'
import type { Part } from '../../util/part.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import type { Classes } from '../classes.ts'
import type { TakeEmailTurn } from '../email/turn.ts'
import type { ListNotified } from '../notified/notified.ts'
import type { Pushers } from '../pushers.ts'
import type { PusherKey, PusherRow } from '../store-pushers.ts'
import { createUnreadTotals } from './badges.ts'
import type { Describe } from './describe.ts'
import { createNotify } from './gateway.ts'
import { createLedger } from './ledger.ts'
import { createPlans } from './plan.ts'
import { keyOf, listEnabledPushers, listPushersOf, nameOf } from './store-delivery.ts'
import { createSweeper } from './sweep.ts'
import { createTurns } from './turn.ts'
import { createWaker } from './waker.ts'

export interface DeliveryDeps {
  readonly db: Database
  readonly streams: Streams
  readonly clock: TimerClock
  readonly log: Log
  readonly outbound: SafeFetch
  readonly reads: RoomReads
  readonly classes: Pick<Classes, 'inRoom'>
  readonly list: ListNotified
  readonly pushers: Pick<Pushers, 'onSet'>
  readonly users: Pick<Accounts['users'], 'get'>
  readonly describe: Describe
  readonly takeEmailTurn: TakeEmailTurn
  readonly validity: Pick<Accounts['validity'], 'isExpired'>
}

/** Brings notifications to where pushers send them. */
export interface Delivery {
  readonly part: Part
  /** Tells devices how much is unread once the redactions of a batch are on disk. */
  readonly hook: PersistHook
  /** Resolves when everything that is committed has been sent, or waits for another try. */
  drain(): Promise<void>
}

/** Requests to one gateway, and to all, at once. */
const limits = { perLane: 16, total: 256 }
const page = 200
const first: PusherKey = { userId: '', appId: '', pushkey: '' }
/** After an error of ours. */
const retryDelay = 30_000

export function createDelivery(deps: DeliveryDeps): Delivery {
  const { db, streams, clock, log, outbound, reads, classes, list, pushers, users, validity, describe } = deps
  const stopping = new AbortController()
  const totals = createUnreadTotals({ reads })
  const plan = createPlans({
    clock,
    describe,
    list,
    unreadTotal: totals.of,
  })
  const ledger = createLedger({ db, clock, log })
  const takeTurn = createTurns({
    db,
    clock,
    log,
    users,
    validity,
    plan,
    notify: createNotify(outbound),
    ledger,
    takeEmailTurn: deps.takeEmailTurn,
  })

  async function run(key: PusherKey): Promise<Outcome> {
    try {
      return await takeTurn(key, stopping.signal)
    } catch (error) {
      log.error({ err: error, user: key.userId, app: key.appId }, 'a pusher could not look for what it has to send')
      return { retryTs: clock.now() + retryDelay }
    }
  }

  const lanes = createLanes<PusherKey>(clock, limits, run)

  function wake(row: PusherRow): void {
    const key = keyOf(row)
    if (row.retry_ts === null || row.retry_ts <= clock.now()) lanes.wake(nameOf(key), row.gateway, key)
    else lanes.runAt(nameOf(key), row.gateway, key, row.retry_ts)
  }

  async function wakeUsers(userIds: readonly string[], mayHaveRead = false): Promise<void> {
    const pause = createYielder()
    for (let i = 0; i < userIds.length; i += page) {
      await pause()
      for (const row of await db.read((reader) => listPushersOf(reader, userIds.slice(i, i + page)))) {
        // What is read meanwhile changes when the next mail is due.
        if (mayHaveRead && row.kind === 'email') lanes.wakeNow(nameOf(keyOf(row)), row.gateway, keyOf(row))
        else wake(row)
      }
    }
  }

  async function wakeAll(): Promise<void> {
    const pause = createYielder()
    for (let after: PusherKey | undefined = first; after !== undefined && !stopping.signal.aborted; await pause()) {
      const from: PusherKey = after
      const rows = await db.read((reader) => listEnabledPushers(reader, from, page))
      for (const row of rows) wake(row)
      const last = rows.at(-1)
      after = last && keyOf(last)
    }
  }

  const waker = createWaker({ db, streams, clock, log, reads, classes, wakeUsers, wakeAll })
  const sweeper = createSweeper({ db, clock, log, position: waker.position, isBusy: lanes.isBusy })
  pushers.onSet((key, gateway) => lanes.wakeNow(nameOf(key), gateway, key))
  let starting: Promise<void> | undefined

  return {
    hook: async (tx, { room, events, redacted }) => {
      if (redacted.length === 0) return
      tx.afterCommit(() => {
        if (events.length === 0) totals.forget()
        waker.recount(room.nid)
      })
    },
    drain: async () => {
      await starting
      await waker.idle()
      await lanes.idle()
      await ledger.flush()
    },
    part: {
      name: 'push delivery',
      start: () => {
        waker.start()
        sweeper.start()
        // What was left over is looked for while the server answers already.
        starting = wakeAll().catch((error: unknown) => log.error({ err: error }, 'the pushers cannot be read'))
      },
      stop: async () => {
        stopping.abort()
        await starting
        await waker.stop()
        await lanes.stop()
        ledger.stop()
        await ledger.flush()
        await sweeper.stop()
      },
    },
  }
}
