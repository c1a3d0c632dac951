import { requestMissingEvents } from '../../../federation/client/requests-events.ts'
import type { IdentifiedPdu } from '../../../matrix/event.ts'
import type { EventId, RoomId } from '../../../matrix/ids.ts'
import type { Log } from '../../../util/log.ts'
import { getRoom } from '../../store-rooms.ts'
import type { Completion } from '../completions.ts'
import type { Candidate } from '../outcomes.ts'
import type { Placer } from '../placer.ts'
import { getHistoryStart } from '../store-places.ts'
import { deleteStaged, listStagedByIds, type StagedEvent } from '../store-staged.ts'
import { fetchAuth } from './fetch-auth.ts'
import { fetchState, type StateFetchDeps } from './fetch-state.ts'
import { placeAll } from './place-all.ts'
import { EventPool } from './pool.ts'
import { RoomSource, type SourceDeps } from './room-source.ts'

/** Events that are asked for at once, how often, and the most that are fetched for one. */
const perRequest = 50
const maxRounds = 12
const maxFetched = 600
/** So many events on the far side of a gap are fetched by themselves. */
const maxEdges = 10
/** For so long (ms) servers are asked on behalf of one event. */
const patience = 180_000

export interface CompleteDeps extends SourceDeps, StateFetchDeps {
  readonly placer: Placer
  readonly log: Log
}

/**
 * Fetches what a staged event refers to and is not here, and gives all of it its place: the events since the last that
 * are here; where that is too much, the state at the far side of the gap; and what authorises them.
 * https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export function createComplete(
  deps: CompleteDeps,
): (roomId: RoomId, event: StagedEvent, signal: AbortSignal) => Promise<Completion> {
  const { db } = deps

  async function completeEvent(roomId: RoomId, staged: StagedEvent, signal: AbortSignal): Promise<Completion> {
    const room = await db.read((reader) => getRoom(reader, roomId))
    if (room === undefined) return 'hopeless'
    const source = new RoomSource(deps, room, { first: staged.origin, signal })
    const pool = new EventPool(db, [{ eventId: staged.eventId, pdu: staged.pdu }])
    await fetchBetween(deps, source, pool)
    const isRough = room.isPartial
    const bad = isRough ? new Set<EventId>() : await fetchEdges(source, pool)
    const claimed = isRough ? new Map<EventId, number>() : await fetchStates(deps, source, pool, bad)
    const candidates: Candidate[] = []
    const expected = new Set(pool.events.keys())
    for (const event of pool.sorted()) {
      const { eventId } = event
      if (bad.has(eventId) || !(await fetchAuth(deps, source, event, expected))) expected.delete(eventId)
      else candidates.push({ event, claimedNid: claimed.get(eventId), isRough })
    }
    const placed = await placeAll(deps.placer, roomId, candidates, async (tx, { event }) => {
      if (event.eventId === staged.eventId) await deleteStaged(tx, staged)
    })
    if (placed.has(staged.eventId)) return 'done'
    return source.hasFailed || isRough ? 'later' : 'hopeless'
  }

  return async (roomId, staged, stopping) => {
    const time = AbortSignal.timeout(patience)
    try {
      return await completeEvent(roomId, staged, AbortSignal.any([stopping, time]))
    } catch (error) {
      if (time.aborted && !stopping.aborted) return 'later'
      throw error
    }
  }
}

/** Fills the pool with what lies between it and what is here: what others have sent us too, and what the origin has. */
async function fetchBetween({ db }: CompleteDeps, source: RoomSource, pool: EventPool): Promise<void> {
  const { room, first } = source
  const minDepth = await db.read((reader) => getHistoryStart(reader, room.nid))
  for (let round = 0; round < maxRounds && pool.events.size < maxFetched; round++) {
    const missing = await pool.listMissing()
    if (missing.size === 0 || first === undefined) return
    const ids = [...missing.values()].flat()
    const waiting = await db.read((reader) => listStagedByIds(reader, room.roomId, ids))
    if (pool.add(waiting)) continue
    const query = {
      earliest: room.extremities.map(([, eventId]) => eventId),
      latest: [...missing.keys()].slice(0, perRequest),
      limit: perRequest,
      minDepth,
    }
    const given = await source.ask(first, (at) => requestMissingEvents(source.transport, at, room.roomId, query))
    const events = given === undefined ? [] : await source.read(given.slice(0, perRequest))
    if (!pool.add(events)) return
    await pool.removePlaced()
  }
}

/** Fetches the events on the far side of the gap. Returns those whose past cannot be used, so that they cannot either. */
async function fetchEdges(source: RoomSource, pool: EventPool): Promise<Set<EventId>> {
  const bad = new Set<EventId>()
  const edges: IdentifiedPdu[] = []
  for (const [eventId, ids] of [...(await pool.listMissing())].slice(0, maxEdges)) {
    for (const id of ids.slice(0, maxEdges)) {
      const event = await source.event(id)
      if (event === 'bad') bad.add(eventId)
      else if (event !== undefined) edges.push(event)
    }
  }
  pool.add(edges)
  return bad
}

/** The numbers of the states before events of which not all that comes before is here. */
async function fetchStates(
  deps: StateFetchDeps,
  source: RoomSource,
  pool: EventPool,
  bad: Set<EventId>,
): Promise<Map<EventId, number>> {
  const claimed = new Map<EventId, number>()
  for (const eventId of (await pool.listMissing()).keys()) {
    if (bad.has(eventId) || claimed.size >= maxEdges) continue
    const stateNid = await fetchState(deps, source, eventId, source.room.stateNid)
    if (stateNid !== undefined) claimed.set(eventId, stateNid)
  }
  return claimed
}
