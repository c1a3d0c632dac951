import type { Database, Reader, Tx } from '../../db/database.ts'
import { inPages } from '../../db/delete-pages.ts'
import type { Streams } from '../../db/streams.ts'
import { hasUserIdShape, type ServerName, serverOf } from '../../matrix/ids.ts'
import type { SharedLock } from '../../util/shared-lock.ts'
import type { RecentReads } from '../recent-reads.ts'
import { getRoom } from '../store-rooms.ts'
import type { Room } from '../types.ts'
import type { EventRemoval } from './delete-events.ts'
import { listKeptPlaces } from './kept-places.ts'
import { Needed } from './needed.ts'
import type { PurgeHook } from './ports.ts'
import { type Kept, listPlaced, listUnplaced } from './store-purge.ts'
import { sweepStates } from './sweep-states.ts'
import { tidyHistory } from './tidy-history.ts'

export interface PurgeHistoryDeps {
  readonly db: Database
  readonly streams: Streams
  readonly serverName: ServerName
  /** Held by whoever brings states and what authorises them from other servers, and has not placed them yet. */
  readonly stateLock: SharedLock
  readonly recent: Pick<RecentReads, 'forgetPast'>
  readonly removal: EventRemoval
  readonly hooks: readonly PurgeHook[]
}

type List = (reader: Reader, after: number, limit: number) => Promise<Kept[]>

const oldest = Number.MIN_SAFE_INTEGER
const label = 'purge history'

/** See `Purging.purgeHistory`. What was not finished is done again from the beginning, where less is to do then. */
export function createPurgeHistory({ db, streams, serverName, stateLock, recent, removal, hooks }: PurgeHistoryDeps) {
  /** Goes through events, a few in each write, in the order of what `keyOf` says of them. */
  async function each(
    room: Room,
    signal: AbortSignal,
    { list, keyOf }: { list: List; keyOf: (event: Kept) => number },
    work: (tx: Tx, events: readonly Kept[]) => Promise<void>,
    prepare?: () => Promise<void>,
  ): Promise<void> {
    let after = oldest
    await inPages(
      db,
      label,
      signal,
      async (tx, limit) => {
        const events = await list(tx, after, limit)
        await work(tx, events)
        for (const event of events) after = keyOf(event)
        recent.forgetPast(tx, room.nid)
        return events.length
      },
      prepare,
    )
  }

  const nidsOf = (events: readonly Kept[]) => events.map(({ event_nid: nid }) => nid)

  async function run(
    room: Room,
    { before, withLocal }: { before: number; withLocal: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const kept = await listKeptPlaces(db, room, signal)
    const isOurs = (sender: string) => hasUserIdShape(sender) && serverOf(sender) === serverName
    const stays = ({ event_nid: nid, stream_pos: pos, sender }: Kept) =>
      pos !== null && (pos >= before || kept.has(nid) || (!withLocal && isOurs(sender)))
    const old = {
      list: (reader: Reader, after: number, limit: number) =>
        listPlaced(reader, { roomNid: room.nid, after, before, limit }),
      keyOf: ({ stream_pos: pos }: Kept) => pos ?? 0,
    }
    const unplaced = {
      list: (reader: Reader, after: number, limit: number) => listUnplaced(reader, { roomNid: room.nid, after, limit }),
      keyOf: ({ event_nid: nid }: Kept) => nid,
    }
    const first = { roomNid: room.nid, after: before - 1, before: Number.MAX_SAFE_INTEGER, limit: 1 }
    const depth = (await db.read((reader) => listPlaced(reader, first)))[0]?.depth ?? 0
    await each(room, signal, old, (tx, events) => {
      const gone = events.filter((event) => event.state_key === null && !stays(event))
      return removal.remove(tx, room, nidsOf(gone))
    })
    await each(room, signal, unplaced, (tx, events) => {
      const gone = events.filter((event) => event.state_key === null && event.depth < depth)
      return removal.remove(tx, room, nidsOf(gone))
    })
    await stateLock.alone(room.roomId, async () => {
      const needed = new Needed(db, room.nid, serverName)
      await needed.mark(streams.position(), (event) => event.state_key === null || stays(event), signal)
      const { newestNid } = needed
      // What there is much of is looked at before each write.
      const prepare = () => db.read((reader) => needed.refresh(reader))
      await sweepStates(db, room.nid, needed, signal)
      await each(
        room,
        signal,
        old,
        async (tx, events) => {
          await needed.refresh(tx)
          const [used, unused] = parted(
            events.filter((event) => event.state_key !== null && !stays(event)),
            needed,
          )
          await removal.unplace(tx, room, nidsOf(used))
          await removal.remove(tx, room, nidsOf(unused))
        },
        prepare,
      )
      await each(
        room,
        signal,
        unplaced,
        async (tx, events) => {
          await needed.refresh(tx)
          const known = events.filter(({ state_key, event_nid }) => state_key !== null && event_nid <= newestNid)
          const [used, unused] = parted(known, needed)
          await removal.unplace(tx, room, nidsOf(used.filter(({ state_nid: nid }) => nid !== null)))
          await removal.remove(tx, room, nidsOf(unused))
        },
        prepare,
      )
    })
    await tidyHistory(db, room, before, signal)
    for (const hook of hooks) await hook.history?.(room, before, signal)
    await db.write(label, async (tx) => recent.forgetPast(tx, room.nid))
  }

  return async (
    roomId: string,
    purge: { before: number; withLocal: boolean },
    signal: AbortSignal,
  ): Promise<'done' | 'later'> => {
    const room = await db.read((reader) => getRoom(reader, roomId))
    if (room?.stateNid === undefined) return 'done'
    // Its states are about to be replaced.
    if (room.isPartial) return 'later'
    await run(room, purge, signal)
    return 'done'
  }
}

/** Those that something refers to, and the others. */
function parted(events: readonly Kept[], needed: Needed): [used: Kept[], unused: Kept[]] {
  const used = events.filter(({ event_nid: nid }) => needed.events.has(nid))
  return [used, events.filter((event) => !used.includes(event))]
}
