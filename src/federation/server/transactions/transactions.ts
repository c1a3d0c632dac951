import type { Database } from '../../../db/database.ts'
import { errors } from '../../../matrix/errors.ts'
import type { Json, JsonObject } from '../../../matrix/event.ts'
import type { EventId, ServerName } from '../../../matrix/ids.ts'
import type { Ingest } from '../../../rooms/ingest/ports.ts'
import type { RoomReads } from '../../../rooms/reads.ts'
import { createKeyedMutex } from '../../../util/keyed-mutex.ts'
import { LruMap } from '../../../util/lru.ts'

export interface Transaction {
  readonly pdus: readonly Json[]
  /** Which of them, by their place, were not written as canonical JSON. */
  readonly faulty: ReadonlySet<number>
  readonly edus: readonly Json[]
}

export interface TransactionAnswer {
  readonly pdus: { [eventId: EventId]: { error?: string } }
}

/** Takes an EDU of another server; what is wrong with one is no matter of the others. */
export interface EduReceiver {
  receive(origin: ServerName, edus: readonly JsonObject[]): Promise<void>
}

/** https://spec.matrix.org/v1.19/server-server-api/#transactions */
export interface Transactions {
  /** Those of one server are taken one after another. Throws `429 M_LIMIT_EXCEEDED` where too many of it wait already. */
  receive(origin: ServerName, txnId: string, transaction: Transaction): Promise<TransactionAnswer>
}

interface Deps {
  readonly db: Database
  readonly reads: Pick<RoomReads, 'roomById'>
  readonly ingest: Pick<Ingest, 'receive'>
  readonly edus: EduReceiver
}

/** A server sends one, and the next after its answer: so many at once are no accident. */
const mostWaiting = 20
const retryAfterMs = 5_000

/**
 * A transaction that is sent again gets the answer of the first time. Which ones have been is kept in memory only:
 * events are taken once by their ids, and to-device messages by theirs, so that a repetition after a restart is harmless.
 */
export function createTransactions({ db, reads, ingest, edus }: Deps): Transactions {
  const answers = new LruMap<string, Promise<TransactionAnswer>>(2_000)

  /** Since room version 6 events must be canonical, as far as `JSON.parse` can tell or not. */
  const requiresCanonical = (pdu: Json) =>
    db.read(async (reader) => {
      const roomId = isObject(pdu) ? pdu.room_id : undefined
      const room = typeof roomId === 'string' ? await reads.roomById(reader, roomId) : undefined
      return room?.rules.strictCanonicalJson ?? true
    })

  async function take(origin: ServerName, transaction: Transaction): Promise<TransactionAnswer> {
    const usable: Json[] = []
    for (const [index, pdu] of transaction.pdus.entries()) {
      if (!transaction.faulty.has(index) || !(await requiresCanonical(pdu))) usable.push(pdu)
    }
    const pdus: TransactionAnswer['pdus'] = {}
    for (const { eventId, error } of await ingest.receive(origin, usable)) {
      pdus[eventId] = error === undefined ? {} : { error }
    }
    await edus.receive(origin, transaction.edus.filter(isObject))
    return { pdus }
  }

  const oneByOne = createKeyedMutex()
  const waiting = new Map<ServerName, number>()

  async function takeInTurn(origin: ServerName, transaction: Transaction): Promise<TransactionAnswer> {
    waiting.set(origin, (waiting.get(origin) ?? 0) + 1)
    try {
      return await oneByOne.run(origin, () => take(origin, transaction))
    } finally {
      const left = (waiting.get(origin) ?? 1) - 1
      if (left > 0) waiting.set(origin, left)
      else waiting.delete(origin)
    }
  }

  return {
    receive: async (origin, txnId, transaction) => {
      const key = JSON.stringify([origin, txnId])
      const known = answers.get(key)
      if (known !== undefined) return known
      if ((waiting.get(origin) ?? 0) >= mostWaiting) throw errors.limitExceeded(retryAfterMs)
      const answer = takeInTurn(origin, transaction)
      answers.set(key, answer)
      answer.catch(() => answers.delete(key))
      return answer
    },
  }
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
