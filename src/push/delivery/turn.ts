import type { Accounts } from '../../accounts/accounts.ts'
import type { Database } from '../../db/database.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import type { Outcome } from '../../util/lanes.ts'
import type { Log } from '../../util/log.ts'
import { LruMap } from '../../util/lru.ts'
import type { TakeEmailTurn } from '../email/turn.ts'
import { deletePusherRow, getPusherRow, type PusherKey, type PusherRow } from '../store-pushers.ts'
import { createGate } from './gate.ts'
import type { GatewayAnswer, Notify } from './gateway.ts'
import type { Ledger } from './ledger.ts'
import { badgeNotification, eventNotification, type PushTarget, wantsBadge } from './payload.ts'
import type { MakePlan, Plan } from './plan.ts'
import { keyOf, nameOf, type PusherState } from './store-delivery.ts'

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
  readonly validity: Pick<Accounts['validity'], 'isExpired'>
  readonly plan: MakePlan
  readonly notify: Notify
  readonly ledger: Ledger
  readonly takeEmailTurn: TakeEmailTurn
}

export function createTurns(deps: Deps): TakeTurn {
  const { db, clock, log, users, validity, plan, notify, ledger, takeEmailTurn } = deps
  /** Positions up to which a pusher was found to owe nothing, so that an idle one need not be written. */
  const looked = new LruMap<string, number>(100_000)
  const inTurn = createGate(4)

  async function remove(row: PusherRow): Promise<TurnResult> {
    await db.write('pusher rejected', (tx) => deletePusherRow(tx, keyOf(row)))
    log.info({ user: row.user_id, app: row.app_id }, 'a push gateway rejected the key of a pusher, which is removed')
    return {}
  }

  function fail(row: PusherRow, answer: Refusal, since: Pick<PusherState, 'position' | 'attempts'>): TurnResult {
    const retryTs = clock.now() + Math.min(firstDelay * 2 ** since.attempts, longestDelay)
    const { position, attempts } = since
    ledger.note(row, {
      position,
      badge: row.badge,
      attempts: attempts + 1,
      retry_ts: retryTs,
      last_error: answer.reason,
    })
    const what = { user: row.user_id, app: row.app_id, attempts: attempts + 1, reason: answer.reason }
    log.debug(what, 'a push gateway took no notification')
    return { retryTs, isDown: answer.kind === 'failed' }
  }

  const succeed = (row: PusherRow, position: number, badge: number) =>
    ledger.note(row, { position, badge, attempts: 0, retry_ts: null, last_error: null })

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
      succeed(row, since.position, unread)
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
    succeed(row, row.position, unread)
    return {}
  }

  return async (key, signal) => {
    const name = nameOf(key)
    const planned = await inTurn(() =>
      db.read(async (reader) => {
        const stored = await getPusherRow(reader, key)
        if (stored === undefined || stored.enabled !== 1) return undefined
        if (stored.kind === 'email') return 'email'
        // Only local users have pushers, and their ids are valid.
        const user = await users.get(reader, stored.user_id as UserId)
        if (user && (user.isLocked || validity.isExpired(user))) return undefined
        const row = ledger.current(stored)
        const seen = looked.get(name)
        const isLate = row.attempts > 0 || seen === undefined
        return { row, plan: await plan(reader, row, { after: Math.max(row.position, seen ?? 0), isLate }) }
      }),
    )
    if (planned === undefined) return {}
    if (planned === 'email') return takeEmailTurn(key)
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
