import { requestBackfill } from '../../federation/client/requests-events.ts'
import { prevEventIds } from '../../matrix/event-references.ts'
import type { EventId, RoomId } from '../../matrix/ids.ts'
import { createKeyedMutex } from '../../util/keyed-mutex.ts'
import { getEventById } from '../store-events.ts'
import { getRoom } from '../store-rooms.ts'
import type { Room, StoredEvent } from '../types.ts'
import { fetchAuth } from './gaps/fetch-auth.ts'
import { fetchState, type StateFetchDeps } from './gaps/fetch-state.ts'
import { placeAll } from './gaps/place-all.ts'
import { EventPool } from './gaps/pool.ts'
import { RoomSource, type SourceDeps } from './gaps/room-source.ts'
import type { Candidate } from './outcomes.ts'
import type { Placer } from './placer.ts'
import { allocateHistory } from './store-history-space.ts'

interface Deps extends SourceDeps, StateFetchDeps {
  readonly placer: Placer
}

/** The most events that are fetched at once, and the most servers' states that are looked at for them. */
const mostEvents = 100
const mostStates = 5
/** Somebody waits for it (ms). */
const patience = 20_000

/** Fetches history from before we were in a room, or from a gap; see `Ingest.backfill`. */
export function createBackfill(
  deps: Deps,
): (roomId: RoomId, before: readonly EventId[], limit: number) => Promise<boolean> {
  const { db } = deps
  const turns = createKeyedMutex()

  async function fill(room: Room, before: EventId, limit: number, time: AbortSignal): Promise<boolean> {
    const follower = await db.read((reader) => getEventById(reader, before))
    if (follower?.roomNid !== room.nid || follower.streamPos === undefined) return false
    const source = new RoomSource(deps, room, { signal: time })
    const query = { from: [before], limit: Math.min(limit + 1, mostEvents) }
    for (const server of await source.servers()) {
      const given = await source.ask(server, (at) => requestBackfill(source.transport, at, room.roomId, query))
      const pool = new EventPool(db, given === undefined ? [] : await source.read(given.slice(0, mostEvents)))
      await pool.removePlaced()
      pool.keepBefore(prevEventIds(follower.pdu))
      if (pool.events.size > 0 && (await placePool(room, source, pool, follower))) return true
    }
    return false
  }

  /** Places history right before the event that it was fetched for. */
  async function placePool(room: Room, source: RoomSource, pool: EventPool, follower: StoredEvent): Promise<boolean> {
    const events = pool.sorted()
    const claimed = new Map<EventId, number>()
    const isRough = room.isPartial
    for (const eventId of isRough ? [] : [...(await pool.listMissing()).keys()].slice(0, mostStates)) {
      const stateNid = await fetchState(deps, source, eventId, follower.beforeNid)
      if (stateNid !== undefined) claimed.set(eventId, stateNid)
    }
    const expected = new Set(pool.events.keys())
    const lowest = await db.write('take places in the history', (tx) =>
      allocateHistory(tx, room.nid, follower.streamPos ?? 0, events.length),
    )
    const candidates: Candidate[] = []
    for (const [index, event] of events.entries()) {
      const { eventId } = event
      if (!(await fetchAuth(deps, source, event, expected))) expected.delete(eventId)
      else candidates.push({ event, claimedNid: claimed.get(eventId), isRough, place: lowest + index })
    }
    return (await placeAll(deps.placer, room.roomId, candidates)).size > 0
  }

  return (roomId, before, limit) =>
    turns.run(roomId, async () => {
      const room = await db.read((reader) => getRoom(reader, roomId))
      if (room?.stateNid === undefined) return false
      const time = AbortSignal.timeout(patience)
      try {
        for (const eventId of before) if (await fill(room, eventId, limit, time)) return true
        return false
      } catch (error) {
        if (time.aborted) return false
        throw error
      }
    })
}
