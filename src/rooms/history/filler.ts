import type { EventId, RoomId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import { createKeyedMutex } from '../../util/keyed-mutex.ts'
import { LruMap } from '../../util/lru.ts'
import type { Ingest } from '../ingest/ports.ts'

type Source = Pick<Ingest, 'backfill'>

/** Fetches what is missing of the history of rooms while somebody reads it. */
export interface HistoryFiller {
  /** Whether there is anybody to ask. */
  readonly isReady: boolean
  /** Fetches what comes before the events; true where there is more to read now. Waits for other servers, at most some seconds each. */
  fill(roomId: RoomId, before: readonly EventId[], limit: number): Promise<boolean>
  /** Until then there is nobody to ask. */
  use(source: Source): void
}

/** A room whose servers could not help is not asked about for so long. */
const restMs = 30_000

export function createHistoryFiller(clock: Clock): HistoryFiller {
  const turns = createKeyedMutex()
  const failed = new LruMap<string, number>(2_000)
  let source: Source | undefined
  return {
    get isReady() {
      return source !== undefined
    },
    fill: (roomId, before, limit) =>
      turns.run(roomId, async () => {
        if (source === undefined || (failed.get(roomId) ?? 0) > clock.now()) return false
        const found = await source.backfill(roomId, before, limit)
        if (!found) failed.set(roomId, clock.now() + restMs)
        return found
      }),
    use: (next) => {
      source = next
    },
  }
}
