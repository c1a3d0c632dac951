import type { Database, Reader } from '../../db/database.ts'
import { deleteRows, inPages } from '../../db/delete-pages.ts'
import type { SharedLock } from '../../util/shared-lock.ts'
import type { EventCache } from '../event-cache.ts'
import type { LocalMembers } from '../local-members.ts'
import type { RecentReads } from '../recent-reads.ts'
import { getRoom } from '../store-rooms.ts'
import type { EventRemoval } from './delete-events.ts'
import type { PurgedRoom, PurgeHook } from './ports.ts'
import {
  deleteAuthEdges,
  deletePlaces,
  emptyRoom,
  forgetStates,
  type Kept,
  listLocals,
  listPlaced,
  listUnplaced,
} from './store-purge.ts'
import { rowsOfRoom } from './store-purge-rows.ts'
import { deleteAllStates } from './sweep-states.ts'

export interface PurgeRoomDeps {
  readonly db: Database
  readonly stateLock: SharedLock
  readonly events: EventCache
  readonly recent: Pick<RecentReads, 'forgetPast'>
  readonly localMembers: Pick<LocalMembers, 'forget'>
  readonly removal: EventRemoval
  readonly hooks: readonly PurgeHook[]
}

const label = 'purge room'
const everything = { after: Number.MIN_SAFE_INTEGER, before: Number.MAX_SAFE_INTEGER }

/** See `Purging.purgeRoom`. The row of the room stays, as that of one of which nothing is known but that people have left it. */
export function createPurgeRoom(deps: PurgeRoomDeps) {
  const { db, stateLock, events: cache, recent, localMembers, removal, hooks } = deps

  /** The events by which users of ours are out: the last that their clients have to be told. */
  async function listLeaves(roomNid: number): Promise<Set<number>> {
    const locals = await db.read((reader) => listLocals(reader, roomNid))
    const out = locals.filter(({ membership, forgotten }) => ['leave', 'ban'].includes(membership) && forgotten === 0)
    return new Set(out.map(({ event_nid: nid }) => nid))
  }

  async function removeEvents(room: PurgedRoom, leaves: ReadonlySet<number>, signal: AbortSignal): Promise<void> {
    const work = async (list: (reader: Reader, limit: number) => Promise<Kept[]>) => {
      await inPages(db, label, signal, async (tx, limit) => {
        const events = await list(tx, limit)
        const gone = events.filter(({ event_nid: nid, stream_pos: pos }) => pos === null || !leaves.has(nid))
        await removal.remove(
          tx,
          room,
          gone.map(({ event_nid: nid }) => nid),
        )
        recent.forgetPast(tx, room.nid)
        return events.length
      })
    }
    let after = everything.after
    await work(async (reader, limit) => {
      const page = await listPlaced(reader, { ...everything, after, roomNid: room.nid, limit })
      after = page.at(-1)?.stream_pos ?? after
      return page
    })
    await work((reader, limit) => listUnplaced(reader, { roomNid: room.nid, after: 0, limit }))
    const left = [...leaves]
    await inPages(db, label, signal, async (tx, limit) => {
      const nids = left.splice(0, limit)
      const events = [...(await cache.list(tx, nids)).values()]
      await deletePlaces(tx, nids, [])
      await deleteAuthEdges(tx, nids)
      await forgetStates(tx, nids)
      const nothing = { beforeNid: undefined, stateNid: undefined, currentNid: undefined }
      for (const event of events) cache.replaceAfterCommit(tx, { ...event, ...nothing })
      return nids.length
    })
  }

  async function run(room: PurgedRoom, signal: AbortSignal): Promise<void> {
    await db.write(label, async (tx) => {
      await emptyRoom(tx, room.nid)
      recent.forgetPast(tx, room.nid)
    })
    for (const hook of hooks) await hook.room?.(room, signal)
    const leaves = await listLeaves(room.nid)
    await removeEvents(room, leaves, signal)
    await deleteRows(db, label, signal, rowsOfRoom(room))
    await deleteAllStates(db, room.nid, signal)
    localMembers.forget(room.roomId)
  }

  return async (roomId: string, signal: AbortSignal): Promise<void> => {
    const room = await db.read((reader) => getRoom(reader, roomId))
    if (room !== undefined) await stateLock.alone(roomId, () => run(room, signal))
  }
}
