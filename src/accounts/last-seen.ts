import type { Database } from '../db/database.ts'
import type { TimerClock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { type Sighting, updateLastSeen } from './store-devices.ts'

/** How stale the stored time of a device may be, in ms. */
const interval = 60_000

export interface LastSeen {
  /** Remembers that a device was active; costs no write. */
  touch(sighting: Sighting): void
  /** What has been seen and is not stored yet. */
  pending(userId: string, deviceId: string): Sighting | undefined
  /** Stores what has been seen. */
  stop(): Promise<void>
}

/** Times of activity are collected and stored together, at most once a minute. A crash loses at most that minute of them. */
export function createLastSeen(db: Database, clock: TimerClock, log: Log): LastSeen {
  let seen = new Map<string, Sighting>()
  let cancel: (() => void) | undefined

  async function flush(): Promise<void> {
    cancel?.()
    cancel = undefined
    if (seen.size === 0) return
    const batch = seen
    seen = new Map()
    await db.write('last seen', async (tx) => {
      for (const sighting of batch.values()) await updateLastSeen(tx, sighting)
    })
  }

  const tryFlush = () =>
    flush().catch((error: unknown) => log.warn({ err: error }, 'the time when devices were active was not stored'))

  return {
    touch: (sighting) => {
      seen.set(`${sighting.userId} ${sighting.deviceId}`, sighting)
      cancel ??= clock.after(interval, () => void tryFlush())
    },
    pending: (userId, deviceId) => seen.get(`${userId} ${deviceId}`),
    stop: tryFlush,
  }
}
