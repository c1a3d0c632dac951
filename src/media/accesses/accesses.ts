import type { Database } from '../../db/database.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { setMediaUsed, setThumbnailUsed } from './store-accesses.ts'

/** Knows when media was last asked for. What a crash loses is at most a minute of it. */
export interface Accesses {
  /** Costs nothing now: all that was used within a minute is written down together. */
  usedMedia(nid: number): void
  usedThumbnail(blobNid: number): void
  /** Writes down what waits. */
  flush(): Promise<void>
}

const interval = 60_000
const pageSize = 200

export function createAccesses({ db, clock, log }: { db: Database; clock: TimerClock; log: Log }): Accesses {
  let media = new Map<number, number>()
  let thumbnails = new Map<number, number>()
  let isWaiting = false
  let writing: Promise<void> = Promise.resolve()

  async function write(): Promise<void> {
    const waiting = [
      [[...media], setMediaUsed],
      [[...thumbnails], setThumbnailUsed],
    ] as const
    media = new Map()
    thumbnails = new Map()
    for (const [entries, set] of waiting) {
      for (let from = 0; from < entries.length; from += pageSize) {
        await db.write('media: used', async (tx) => {
          for (const [nid, ts] of entries.slice(from, from + pageSize)) await set(tx, nid, ts)
        })
      }
    }
  }

  function flush(): Promise<void> {
    // What another call has begun to write is waited for, too.
    const done = writing.then(write)
    writing = done.catch(() => {})
    return done
  }

  function note(map: Map<number, number>, nid: number): void {
    map.set(nid, clock.now())
    if (isWaiting) return
    isWaiting = true
    clock.after(interval, () => {
      isWaiting = false
      flush().catch((err: unknown) => log.warn({ err }, 'it was not written down which media was used'))
    })
  }

  return {
    usedMedia: (nid) => note(media, nid),
    usedThumbnail: (nid) => note(thumbnails, nid),
    flush,
  }
}
