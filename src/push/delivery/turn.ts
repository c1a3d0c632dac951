import type { Accounts } from '../../accounts/accounts.ts'
import type { Database } from '../../db/database.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { LruMap } from '../../util/lru.ts'
import { deletePusherRow, getPusherRow, type PusherKey, type PusherRow } from '../store-pushers.ts'
import type { GatewayAnswer, Notify } from './gateway.ts'
import type { Outcome } from './lanes.ts'
import { badgeNotification, eventNotification, type PushTarget, wantsBadge } from './payload.ts'
import type { MakePlan, Plan } from './plan.ts'
import { keyOf, nameOf, recordDelivered, recordFailure } from './store-delivery.ts'

export type TurnResult = Outcome

/** Sends what one pusher owes. Whoever calls it sees to it that a pusher has one turn at a time. */
export type TakeTurn = (key: PusherKey, signal: AbortSignal) => Promise<TurnResult>

const firstDelay = 2_000
const longestDelay = 3_600_000

type Refusal = Exclude<GatewayAnswer, { kind: 'delivered' }>

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly users: Pick<Accounts['users'], 'get'>
  readonly plan: MakePlan
  readonly notify: Notify
}

export function createTurns({ db, clock, log, users, plan, notify }: Deps): TakeTurn {
  /** Positions up to which a pusher was found to owe nothing, so that an idle one need not be written. */
  const looked = new LruMap<string, number>(100_000)

  async function remove(row: PusherRow): Promise<TurnResult> {
    await db.write('pusher rejected', (tx) => deletePusherRow(tx, keyOf(row)))
    log.info({ user: row.user_id, app: row.app_id }, 'a push gateway rejected the key of a pusher, which is removed')
    return {}
  }

  async function fail(row: PusherRow, answer: Refusal, since: { position: number; attempts: number }) {
    const retryTs = clock.now() + Math.min(firstDelay * 2 ** since.attempts, longestDelay)
    const failure = { position: since.position, attempts: since.attempts + 1, retryTs, error: answer.reason }
    await db.write('pusher failed', (tx) => recordFailure(tx, row, failure))
    log.debug({ user: row.user_id, app: row.app_id, ...failure }, 'a push gateway took no notification')
    return { retryTs, isDown: answer.kind === 'failed' }
  }

  async function send(row: PusherRow, { due, at, unread }: Plan, signal: AbortSignal): Promise<TurnResult> {
    const target = targetOf(row)
    let since = { position: row.position, attempts: row.attempts }
    for (const [i, one] of due.entries()) {
      const answer = await notify(target.url, eventNotification(target, one, unread), signal)
      if (answer.kind !== 'delivered') {
        if (signal.aborted) return {}
        // What was refused would be refused again, and everything after it would wait for that.
        return fail(row, answer, answer.kind === 'refused' ? { ...since, position: one.pos } : since)
      }
      if (answer.rejected.includes(row.pushkey)) return remove(row)
      since = { position: i === due.length - 1 ? at : one.pos, attempts: 0 }
      const state = { ...keyOf(row), position: since.position, badge: unread }
      await db.write('pusher sent', (tx) => recordDelivered(tx, state))
    }
    return { isDown: false }
  }

  /** Tells the device how much is still unread once the user has read something elsewhere. */
  async function sendBadge(row: PusherRow, unread: number, signal: AbortSignal): Promise<TurnResult> {
    const target = targetOf(row)
    if (row.badge === unread || !wantsBadge(target)) return {}
    // What a new pusher's device shows is its own affair until something happens.
    if (row.badge !== null) {
      const answer = await notify(target.url, badgeNotification(target, unread), signal)
      if (answer.kind !== 'delivered') return signal.aborted ? {} : fail(row, answer, row)
      if (answer.rejected.includes(row.pushkey)) return remove(row)
    }
    const state = { ...keyOf(row), position: row.position, badge: unread }
    await db.write('pusher badge', (tx) => recordDelivered(tx, state))
    return {}
  }

  return async (key, signal) => {
    const name = nameOf(key)
    const planned = await db.read(async (reader) => {
      const row = await getPusherRow(reader, key)
      if (row === undefined || row.enabled !== 1) return undefined
      // Only local users have pushers, and their ids are valid.
      if ((await users.get(reader, row.user_id as UserId))?.isLocked) return undefined
      const seen = looked.get(name)
      const isLate = row.attempts > 0 || seen === undefined
      return { row, plan: await plan(reader, row, { after: Math.max(row.position, seen ?? 0), isLate }) }
    })
    if (planned === undefined) return {}
    const { row, plan: what } = planned
    const result = what.due.length > 0 ? await send(row, what, signal) : await sendBadge(row, what.unread, signal)
    if (result.retryTs === undefined && !signal.aborted) looked.set(name, what.at)
    return result
  }
}

function targetOf(row: PusherRow): PushTarget & { readonly url: string } {
  const data = JSON.parse(row.data) as JsonObject
  const url = typeof data.url === 'string' ? data.url : ''
  return { userId: row.user_id, appId: row.app_id, pushkey: row.pushkey, setTs: row.set_ts, data, url }
}
