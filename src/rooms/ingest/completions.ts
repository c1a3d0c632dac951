import type { Database } from '../../db/database.ts'
import type { RoomId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { dropStaged, postponeStaged, type StagedEvent } from './store-staged.ts'

/** What became of an event for which others had to be fetched. */
export type Completion =
  | 'done'
  /** What it needs cannot be had, and asking again would change nothing. */
  | 'hopeless'
  /** Servers could not be reached. */
  | 'later'

/**
 * Fetches what staged events lack, for each origin in each room one after another: a server that is slow holds up what it
 * has sent itself and nothing else.
 */
export interface Completions {
  /** Takes an event out of the queue of its room until it is clear what becomes of it, or it is sent again. */
  add(roomId: RoomId, event: StagedEvent): Promise<void>
  /** Puts an event back for a while, or drops it when that was done too often. */
  postpone(event: StagedEvent, reason: string): Promise<void>
  drop(event: StagedEvent, reason: string): Promise<void>
  readonly isBusy: boolean
  /** Resolves when nothing is under way. */
  idle(): Promise<void>
}

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly complete: (roomId: RoomId, event: StagedEvent, signal: AbortSignal) => Promise<Completion>
  /** Called when a room may go on. */
  readonly wake: (roomId: RoomId) => void
  readonly signal: AbortSignal
}

const firstDelay = 15_000
const maxAttempts = 8
/** For so long (ms) an event stays out of the queue; a restart puts it back. */
const lease = 3_600_000
/** Events of one origin that wait for each other in memory; more are looked at again after a while. */
const mostWaiting = 20
const shortDelay = 5_000

export function createCompletions({ db, clock, log, complete, wake, signal }: Deps): Completions {
  const chains = new Map<string, { tail: Promise<void>; length: number }>()

  /** Returns the event as its row is then. */
  async function setAside(event: StagedEvent, attempts: number, ms: number): Promise<StagedEvent> {
    const retryAt = clock.now() + ms
    await db.write('postpone an event', (tx) => postponeStaged(tx, event, attempts, retryAt))
    return { ...event, attempts, retryAt }
  }

  async function drop(event: StagedEvent, reason: string): Promise<void> {
    const { eventId, origin } = event
    log.info({ eventId, origin, reason }, 'dropped an event')
    await db.write('drop an event', (tx) => dropStaged(tx, event))
  }

  async function postpone(event: StagedEvent, reason: string): Promise<void> {
    const attempts = event.attempts + 1
    if (attempts >= maxAttempts) return drop(event, reason)
    await setAside(event, attempts, firstDelay * 2 ** event.attempts)
  }

  async function run(roomId: RoomId, event: StagedEvent): Promise<void> {
    if (signal.aborted) return
    try {
      const completion = await complete(roomId, event, signal)
      if (completion === 'hopeless') await drop(event, 'what it refers to cannot be had')
      else if (completion === 'later') await postpone(event, 'the servers that have what it refers to do not answer')
    } catch (error) {
      if (signal.aborted) return
      log.error({ err: error, roomId, eventId: event.eventId }, 'what an event refers to could not be fetched')
      await postpone(event, String(error))
    }
    wake(roomId)
  }

  return {
    add: async (roomId, event) => {
      const name = `${roomId} ${event.origin}`
      const chain = chains.get(name) ?? { tail: Promise.resolve(), length: 0 }
      if (chain.length >= mostWaiting) {
        await setAside(event, event.attempts, shortDelay)
        return
      }
      chains.set(name, chain)
      chain.length += 1
      const isAside = setAside(event, event.attempts, lease)
      chain.tail = chain.tail
        .then(async () => run(roomId, await isAside))
        .catch((error: unknown) => {
          if (!signal.aborted) log.error({ err: error, roomId }, 'an event could not be put back')
        })
        .finally(() => {
          chain.length -= 1
          if (chain.length === 0) chains.delete(name)
        })
      await isAside
    },
    postpone,
    drop,
    get isBusy() {
      return chains.size > 0
    },
    idle: async () => {
      while (chains.size > 0) await Promise.all([...chains.values()].map(({ tail }) => tail))
    },
  }
}
