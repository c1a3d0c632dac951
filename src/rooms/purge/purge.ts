import { errors } from '../../matrix/errors.ts'
import { createYielder } from '../../util/async.ts'
import { getEventById } from '../store-events.ts'
import { getRoom } from '../store-rooms.ts'
import { createEventRemoval, type EventRemovalDeps } from './delete-events.ts'
import type { PurgeHook, Purging } from './ports.ts'
import { createPurgeHistory, type PurgeHistoryDeps } from './purge-history.ts'
import { createPurgeRoom, type PurgeRoomDeps } from './purge-room.ts'
import { listTimes } from './store-purge.ts'

type Deps = Omit<PurgeHistoryDeps & PurgeRoomDeps & EventRemovalDeps, 'removal' | 'hooks'>

const page = 2_000

/** Composes the removal of what is old in rooms, and of whole rooms. */
export function createPurging(deps: Deps): Purging {
  const { db } = deps
  const hooks: PurgeHook[] = []
  const removal = createEventRemoval({ ...deps, hooks })
  const parts = { ...deps, removal, hooks }

  async function requireRoom(roomId: string) {
    const room = await db.read((reader) => getRoom(reader, roomId))
    if (room?.stateNid === undefined) throw errors.notFound('This server does not know that room')
    return room
  }

  return {
    purgeHistory: createPurgeHistory(parts),
    purgeRoom: createPurgeRoom(parts),
    positionOf: async (roomId, eventId) => {
      const room = await requireRoom(roomId)
      const event = await db.read((reader) => getEventById(reader, eventId))
      if (event?.roomNid !== room.nid || event.streamPos === undefined) {
        throw errors.notFound('The event has no place in the history of that room')
      }
      return event.streamPos
    },
    positionAt: async (roomId, ts) => {
      const room = await requireRoom(roomId)
      const pause = createYielder()
      let after = Number.MIN_SAFE_INTEGER
      for (let isMore = true; isMore; await pause()) {
        const events = await db.read((reader) => listTimes(reader, { roomNid: room.nid, after, limit: page }))
        const found = events.find((event) => event.origin_server_ts >= ts)
        if (found) return found.stream_pos ?? after
        after = events.at(-1)?.stream_pos ?? after
        isMore = events.length === page
      }
      return after
    },
    onPurge: (hook) => void hooks.push(hook),
  }
}
