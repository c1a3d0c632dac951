import type { Database } from '../../db/database.ts'
import type { RoomId } from '../../matrix/ids.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Part } from '../../util/part.ts'
import type { LocalMembers } from '../local-members.ts'
import type { Room } from '../types.ts'
import { type Completion, createCompletions } from './completions.ts'
import type { Placer } from './placer.ts'
import { createRoomQueue } from './room-queue.ts'
import { listStagedRooms, resetRetries, type StagedEvent } from './store-staged.ts'

/** Works through what is staged, each room by itself, so that none holds up another. */
export interface IngestWorker {
  wake(roomId: RoomId): void
  /** The same, and at once for what waits to be tried again. */
  retry(room: Pick<Room, 'roomId'>): Promise<void>
  /** Resolves when nothing is under way. */
  drain(): Promise<void>
  readonly part: Part
}

interface Deps {
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly placer: Placer
  readonly localMembers: Pick<LocalMembers, 'of'>
  readonly complete: (roomId: RoomId, event: StagedEvent, signal: AbortSignal) => Promise<Completion>
}

export function createIngestWorker(deps: Deps): IngestWorker {
  const { db, log } = deps
  const stopping = new AbortController()
  const { signal } = stopping
  const busy = new Map<RoomId, Promise<void>>()
  /** Rooms for which something came while they were worked on. */
  const again = new Set<RoomId>()
  const completions = createCompletions({ ...deps, wake, signal })
  const work = createRoomQueue({ ...deps, completions, wake })

  function wake(roomId: RoomId): void {
    if (signal.aborted) return
    if (busy.has(roomId)) {
      again.add(roomId)
      return
    }
    const running = work(roomId, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) log.error({ err: error, roomId }, 'received events cannot be worked through')
      })
      .finally(() => {
        busy.delete(roomId)
        if (again.delete(roomId)) wake(roomId)
      })
    busy.set(roomId, running)
  }

  async function idle(): Promise<void> {
    while (busy.size > 0 || completions.isBusy) {
      await Promise.all(busy.values())
      await completions.idle()
    }
  }

  return {
    wake,
    retry: async ({ roomId }) => {
      await db.write('take up staged events', (tx) => resetRetries(tx, roomId))
      wake(roomId)
    },
    drain: idle,
    part: {
      name: 'ingest',
      start: async () => {
        await db.write('take up staged events', (tx) => resetRetries(tx))
        for (const roomId of await db.read(listStagedRooms)) wake(roomId)
      },
      stop: () => {
        stopping.abort()
        return idle()
      },
    },
  }
}
