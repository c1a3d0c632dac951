import type { Database } from '../../db/database.ts'
import type { RoomId } from '../../matrix/ids.ts'
import type { Log } from '../../util/log.ts'
import type { Part } from '../../util/part.ts'
import { listStagedRooms } from './store-staged.ts'

/** Works through what is staged, each room by itself, so that none holds up another. */
export interface IngestWorker {
  wake(roomId: RoomId): void
  /** Resolves when nothing is under way. */
  drain(): Promise<void>
  readonly part: Part
}

interface Deps {
  readonly db: Database
  readonly log: Log
  readonly work: (roomId: RoomId, signal: AbortSignal) => Promise<void>
}

export function createIngestWorker({ db, log, work }: Deps): IngestWorker {
  const stopping = new AbortController()
  const busy = new Map<RoomId, Promise<void>>()
  /** Rooms for which something came while they were worked on. */
  const again = new Set<RoomId>()

  async function run(roomId: RoomId): Promise<void> {
    do {
      again.delete(roomId)
      await work(roomId, stopping.signal)
    } while (again.has(roomId) && !stopping.signal.aborted)
  }

  function wake(roomId: RoomId): void {
    if (stopping.signal.aborted) return
    if (busy.has(roomId)) {
      again.add(roomId)
      return
    }
    const running = run(roomId)
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) log.error({ err: error, roomId }, 'received events cannot be worked through')
      })
      .finally(() => {
        busy.delete(roomId)
        if (again.delete(roomId)) wake(roomId)
      })
    busy.set(roomId, running)
  }

  return {
    wake,
    drain: async () => {
      while (busy.size > 0) await Promise.all(busy.values())
    },
    part: {
      name: 'ingest',
      start: async () => {
        for (const roomId of await db.read(listStagedRooms)) wake(roomId)
      },
      stop: async () => {
        stopping.abort()
        await Promise.all(busy.values())
      },
    },
  }
}
