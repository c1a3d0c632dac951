import type { Users } from '../../accounts/users.ts'
import type { Database, Tx } from '../../db/database.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { EventId, UserId } from '../../matrix/ids.ts'
import type { Stickiness } from '../../matrix/sticky.ts'
import type { RoomEvents } from '../../rooms/actions/events.ts'
import type { Actor } from '../../rooms/actor.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Calls, DelayedNews } from '../calls/types.ts'
import { type DelayedRow, finaliseDelayed } from './store-delayed.ts'

/** `refused`: the room's rules or the account's state do not allow it any more. `late`: something else became of it meanwhile. */
export type Sending = { readonly kind: 'sent' | 'late' } | { readonly kind: 'refused'; readonly error: MatrixError }

/** Sends a delayed event, once: what became of it is written together with the event. */
export type SendDelayed = (row: DelayedRow, condition?: 'unless restarted') => Promise<Sending>

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly events: Pick<RoomEvents, 'send' | 'setState'>
  readonly users: Pick<Users, 'get'>
  readonly calls: Pick<Calls, 'noteDelayed'>
}

class TooLate extends Error {
  override name = 'TooLate'
}

/** A delayed event as the ledger of calls is told of it. */
export function newsOf(row: DelayedRow, what: DelayedNews['what'], ts: number): DelayedNews {
  const { room_id: roomId, user_id: userId, type, state_key: stateKey } = row
  // The row is ours.
  const content = JSON.parse(row.content) as JsonObject
  return { roomId, userId, type, ...(stateKey === null ? {} : { stateKey }), content, what, ts }
}

export function createSendDelayed({ db, clock, log, events, users, calls }: Deps): SendDelayed {
  return async (row, condition) => {
    const { delay_id: delayId, room_id: roomId, type, state_key: stateKey } = row
    const dueTs = condition === undefined ? undefined : (row.due_ts ?? undefined)

    async function noteSent(tx: Tx, eventId: EventId): Promise<boolean> {
      const now = clock.now()
      const isNew = await finaliseDelayed(tx, delayId, { outcome: 'sent', now, eventId }, dueTs)
      if (isNew) await calls.noteDelayed(tx, newsOf(row, 'sent', now))
      return isNew
    }

    async function submit(): Promise<EventId> {
      // The row is ours.
      const userId = row.user_id as UserId
      const user = await db.read((reader) => users.get(reader, userId))
      const actor: Actor = {
        userId,
        isGuest: user?.isGuest ?? false,
        ...(row.device_id === '' ? {} : { deviceId: row.device_id }),
      }
      const content = JSON.parse(row.content) as JsonObject
      const sticky = row.sticky === null ? undefined : (JSON.parse(row.sticky) as Stickiness)
      const together = async (tx: Tx, eventId: EventId) => {
        if (!(await noteSent(tx, eventId))) throw new TooLate()
      }
      return stateKey === null
        ? events.send(actor, roomId, { type, content, sticky, together, delayId })
        : events.setState(actor, roomId, { type, stateKey, content, sticky }, { together, delayId })
    }

    async function noteFailed(error: MatrixError): Promise<boolean> {
      const text = JSON.stringify({ errcode: error.errcode, error: error.message })
      const end = { outcome: 'failed', now: clock.now(), error: text } as const
      return db.write('delayed event failed', (tx) => finaliseDelayed(tx, delayId, end, dueTs))
    }

    try {
      const eventId = await submit()
      // An event that changed nothing was not written, nor was anything with it.
      await db.write('delayed event sent', (tx) => noteSent(tx, eventId))
      return { kind: 'sent' }
    } catch (thrown) {
      if (thrown instanceof TooLate) return { kind: 'late' }
      const isRefusal = thrown instanceof MatrixError
      if (isRefusal) log.info({ delayId, roomId, type, reason: thrown.message }, 'a delayed event was not allowed')
      else log.error({ err: thrown, delayId, roomId, type }, 'a delayed event could not be sent')
      const error = isRefusal ? thrown : errors.unknown()
      return (await noteFailed(error)) ? { kind: 'refused', error } : { kind: 'late' }
    }
  }
}
