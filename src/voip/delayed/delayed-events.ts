import type { Database, Tx } from '../../db/database.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Stickiness } from '../../matrix/sticky.ts'
import type { Actor } from '../../rooms/actor.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Part } from '../../util/part.ts'
import { randomString } from '../../util/random.ts'
import type { Calls } from '../calls/types.ts'
import { createDueQueue } from './due-queue.ts'
import { newsOf, type SendDelayed } from './send-delayed.ts'
import {
  countWaiting,
  type DelayedRow,
  deleteOfUser,
  finaliseDelayed,
  findByTransaction,
  getDelayed,
  insertDelayed,
  listFinalised,
  listWaiting,
  restartDelayed,
} from './store-delayed.ts'

export interface DelayedRequest {
  readonly roomId: string
  readonly type: string
  /** Undefined: no state event. */
  readonly stateKey: string | undefined
  readonly content: JsonObject
  /** In ms. */
  readonly delay: number
  /** How long it is sticky once it is sent. */
  readonly sticky?: Stickiness | undefined
  /** Repeating a request of the same device with the same id changes nothing. */
  readonly txnId: string | undefined
}

/** As it is stored. */
export type DelayedEvent = DelayedRow

export type DelayedAction = 'send' | 'cancel' | 'restart'

/** Events that are sent later, unless their client says otherwise: https://github.com/matrix-org/matrix-spec-proposals/pull/4140 */
export interface DelayedEvents {
  readonly limits: { readonly maxDelay: number; readonly maxScheduled: number }
  /** Returns the delay id. Throws `403 M_FORBIDDEN` where nothing may be delayed, `429 M_LIMIT_EXCEEDED` for too many, `413 M_TOO_LARGE`; whether the event is allowed shows when it is sent. */
  schedule(actor: Actor, request: DelayedRequest): Promise<string>
  /** Lets the delay begin anew. Throws `404` for an unknown id, `409 M_UNKNOWN` where it is over. */
  restart(delayId: string): Promise<void>
  /** Sends it now, if that was not done. Throws `404`, `409 M_UNKNOWN` where something else became of it, and what sending throws. */
  send(delayId: string): Promise<void>
  /** Throws `404`, and `409 M_UNKNOWN` where it was sent. */
  cancel(delayId: string): Promise<void>
  /** Whoever's it is; also when it is over, for some days. */
  get(delayId: string): Promise<DelayedEvent | undefined>
  /** The user's own that wait, in the order in which their delays began. */
  list(userId: UserId): Promise<DelayedEvent[]>
  /** The user's own that are over, for some days, the last hundred first; only those with the ids where there are any. */
  listFinalised(userId: UserId, ids?: readonly string[]): Promise<DelayedEvent[]>
  /** Forgets what somebody wanted to be sent whose account has ended. */
  readonly onDeactivate: (tx: Tx, account: { readonly userId: UserId }) => Promise<void>
  /** Sends what is due, and resolves then. */
  drain(): Promise<void>
  readonly part: Part
}

interface Deps {
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly send: SendDelayed
  readonly calls: Pick<Calls, 'noteDelayed'>
  readonly limits: DelayedEvents['limits']
}

const mostListed = 1_000
/** Each may be as large as an event. */
const mostFinalised = 100
const busyMs = 60_000
/** No event has more, in characters. */
const mostContent = 65_536
/** What an action wants to become of it; one that could not be sent is as good as cancelled. */
const wantedOf: Readonly<Record<DelayedAction, readonly (string | null)[]>> = {
  send: ['sent'],
  cancel: ['cancelled', 'failed'],
  restart: [],
}

export function createDelayedEvents({ db, clock, log, send, calls, limits }: Deps): DelayedEvents {
  const queue = createDueQueue({ db, clock, log, send })

  async function insert(tx: Tx, { userId, deviceId = '' }: Actor, request: DelayedRequest): Promise<string> {
    const { roomId, type, stateKey = null, content, delay, txnId = null, sticky } = request
    if (limits.maxScheduled === 0 || limits.maxDelay === 0) throw errors.forbidden('This server delays no events')
    const json = JSON.stringify(content)
    if (json.length > mostContent) throw errors.tooLarge('The content is larger than any event')
    const known = txnId === null ? undefined : await findByTransaction(tx, { userId, deviceId, txnId, roomId, type })
    if (known !== undefined) return known
    if ((await countWaiting(tx, userId)) >= limits.maxScheduled) throw errors.limitExceeded(busyMs)
    const now = clock.now()
    const delayId = `d${randomString(24)}`
    const row: DelayedRow = {
      delay_id: delayId,
      user_id: userId,
      device_id: deviceId,
      txn_id: txnId,
      room_id: roomId,
      type,
      state_key: stateKey,
      content: json,
      sticky: sticky === undefined ? null : JSON.stringify(sticky),
      delay,
      since_ts: now,
      due_ts: now + delay,
      outcome: null,
      event_id: null,
      error: null,
      finalised_ts: null,
    }
    await insertDelayed(tx, row)
    await calls.noteDelayed(tx, newsOf(row, 'scheduled', now))
    return delayId
  }

  const get = (delayId: string) => db.read((reader) => getDelayed(reader, delayId))

  async function require(delayId: string): Promise<DelayedRow> {
    const row = await get(delayId)
    if (row === undefined) throw errors.notFound('There is no such delayed event')
    return row
  }

  async function perform(row: DelayedRow, action: DelayedAction): Promise<boolean> {
    const { delay_id: delayId, delay } = row
    const now = clock.now()
    switch (action) {
      case 'restart':
        return db.write('restart a delayed event', async (tx) => {
          const isDone = await restartDelayed(tx, delayId, now, now + delay)
          if (isDone) await calls.noteDelayed(tx, newsOf(row, 'restarted', now))
          return isDone
        })
      case 'cancel':
        return db.write('cancel a delayed event', async (tx) => {
          const isDone = await finaliseDelayed(tx, delayId, { outcome: 'cancelled', now })
          if (isDone) await calls.noteDelayed(tx, newsOf(row, 'cancelled', now))
          return isDone
        })
      case 'send':
        return sendNow(row)
    }
  }

  async function sendNow(row: DelayedRow): Promise<boolean> {
    const sending = await send(row)
    if (sending.kind === 'refused') throw sending.error
    return sending.kind === 'sent'
  }

  async function act(delayId: string, action: DelayedAction): Promise<void> {
    const row = await require(delayId)
    if (row.due_ts !== null && (await perform(row, action))) return
    const { outcome, error } = await require(delayId)
    if (wantedOf[action].includes(outcome)) return
    const why = outcome === 'failed' ? `it could not be sent: ${error}` : `it was ${outcome}`
    throw new MatrixError(409, 'M_UNKNOWN', `It is too late for this delayed event: ${why}`)
  }

  return {
    limits,
    schedule: async (actor, request) => {
      const delayId = await db.write('delay an event', (tx) => insert(tx, actor, request))
      queue.expect(request.delay)
      return delayId
    },
    restart: (delayId) => act(delayId, 'restart'),
    send: (delayId) => act(delayId, 'send'),
    cancel: (delayId) => act(delayId, 'cancel'),
    get,
    list: (userId) => db.read((reader) => listWaiting(reader, userId, mostListed)),
    listFinalised: (userId, ids) => db.read((reader) => listFinalised(reader, userId, { ids, limit: mostFinalised })),
    onDeactivate: (tx, { userId }) => deleteOfUser(tx, userId),
    drain: queue.drain,
    part: queue.part,
  }
}
