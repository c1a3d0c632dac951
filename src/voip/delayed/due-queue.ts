import type { Database } from '../../db/database.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Part } from '../../util/part.ts'
import type { SendDelayed } from './send-delayed.ts'
import { deleteFinalised, getNextDue, listDue, listDueRooms } from './store-delayed.ts'

/** Sends delayed events when they are due: those that were due while the server was down at its start, in their order. */
export interface DueQueue {
  /** Notes that something is due in so many ms. */
  expect(ms: number): void
  /** Resolves when nothing is due. */
  drain(): Promise<void>
  readonly part: Part
}

interface Deps {
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly send: SendDelayed
}

const page = 50
/** A timer waits no longer than this (ms). */
const longestTimer = 86_400_000
const retryMs = 5_000
/** For so long (ms) it is remembered what became of them. */
const memory = 7 * 86_400_000
const cleaningMs = 3_600_000

export function createDueQueue({ db, clock, log, send }: Deps): DueQueue {
  let looking: Promise<void> | undefined
  let isWanted = false
  let isRunning = false
  let cancelTimer = () => {}
  let timerTs = Number.POSITIVE_INFINITY
  let cleanedTs = Number.NEGATIVE_INFINITY
  /** Each room by itself: one whose policy server takes its time holds up no other. */
  const rooms = new Map<string, Promise<void>>()

  async function sendDue(roomId: string): Promise<void> {
    try {
      for (;;) {
        const rows = await db.read((reader) => listDue(reader, { roomId, now: clock.now(), limit: page }))
        for (const row of rows) {
          if (!isRunning) return
          await send(row, 'unless restarted')
        }
        if (rows.length === 0) break
      }
      rooms.delete(roomId)
      // Something may have become due since the last look into the room.
      wake()
    } catch (error) {
      log.error({ err: error, roomId }, 'delayed events could not be sent')
      expect(retryMs)
    } finally {
      rooms.delete(roomId)
    }
  }

  async function clean(now: number): Promise<void> {
    if (now - cleanedTs < cleaningMs) return
    await db.write('forget delayed events', (tx) => deleteFinalised(tx, now - memory))
    cleanedTs = now
  }

  async function look(): Promise<void> {
    try {
      do {
        isWanted = false
        const now = clock.now()
        for (const roomId of await db.read((reader) => listDueRooms(reader, now))) {
          if (isRunning && !rooms.has(roomId)) rooms.set(roomId, sendDue(roomId))
        }
        const next = await db.read((reader) => getNextDue(reader, now))
        if (next !== undefined) expect(next - clock.now())
        await clean(now)
      } while (isWanted && isRunning)
    } catch (error) {
      log.error({ err: error }, 'delayed events could not be sent')
      expect(retryMs)
    } finally {
      looking = undefined
    }
  }

  /** One timer, for what is due first: too early does no harm. */
  function expect(ms: number): void {
    const now = clock.now()
    const wait = Math.min(Math.max(ms, 0), longestTimer)
    // One that should have run by now waits for longer than it seems: the clock was put forward.
    const isEarlyEnough = timerTs > now && timerTs <= now + wait
    if (!isRunning || isEarlyEnough) return
    cancelTimer()
    timerTs = now + wait
    cancelTimer = clock.after(wait, () => {
      timerTs = Number.POSITIVE_INFINITY
      wake()
    })
  }

  function wake(): void {
    isWanted = true
    if (isRunning) looking ??= look()
  }

  async function idle(): Promise<void> {
    while (looking !== undefined || rooms.size > 0) await Promise.all([looking, ...rooms.values()])
  }

  return {
    expect,
    drain: async () => {
      wake()
      await idle()
    },
    part: {
      name: 'delayed events',
      start: () => {
        isRunning = true
        wake()
      },
      stop: async () => {
        isRunning = false
        cancelTimer()
        timerTs = Number.POSITIVE_INFINITY
        await idle()
      },
    },
  }
}
