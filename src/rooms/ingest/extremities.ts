import type { Reader } from '../../db/database.ts'
import { prevEventIds } from '../../matrix/event-references.ts'
import { type EventId, serverOf } from '../../matrix/ids.ts'
import type { EventCache } from '../event-cache.ts'
import type { Extremity, Room, StoredEvent } from '../types.ts'
import { listPlaces, listPlacesByNid, listWaitingFor, type Place } from './store-places.ts'

/** So many ends a room may have: as many as one event can follow. */
const maxExtremities = 20
/** Events that are not shown stand in a row of at most this length between two that are. */
const maxHidden = 100

/** An event that is about to be accepted. */
interface NewEnd {
  readonly nid: number
  readonly eventId: EventId
  readonly depth: number
  readonly stateNid: number | undefined
  readonly prevs: readonly Place[]
  /** The room is entered with it, so that nothing before it counts. */
  readonly isEntry: boolean
}

/** The ends of a room once an event is in. */
export async function endsWith(
  reader: Reader,
  cache: EventCache,
  room: Room,
  made: NewEnd,
): Promise<readonly Extremity[]> {
  const end: Extremity = [made.nid, made.eventId, made.depth]
  if (made.isEntry) return [end]
  const others = await remainingExtremities(reader, cache, room.extremities, made.prevs)
  const followers = await listWaitingFor(reader, made.eventId)
  if (others.length > 0 && followers.some(({ status }) => status === 0)) return others
  return capExtremities(reader, cache, [...others, end], made)
}

/**
 * The ends of a room that an event which follows `prevs` leaves as they are. What it follows only by way of events that
 * were not accepted has come to its end too.
 */
async function remainingExtremities(
  reader: Reader,
  cache: EventCache,
  extremities: readonly Extremity[],
  prevs: readonly Place[],
): Promise<Extremity[]> {
  const followed = new Set<number>()
  let open = prevs
  for (let seen = 0; open.length > 0 && seen < maxHidden; ) {
    const hidden = open.filter(({ nid, status }) => status !== 0 && !followed.has(nid))
    for (const { nid } of open) followed.add(nid)
    seen += hidden.length
    const before: Place[] = []
    for (const { nid } of hidden) {
      const event = await cache.get(reader, nid)
      if (event !== undefined) before.push(...(await listPlaces(reader, prevEventIds(event.pdu))).values())
    }
    open = before
  }
  return extremities.filter(([nid]) => !followed.has(nid))
}

/** The states at the ends of a room, one of which has just been made. */
export async function statesOf(
  reader: Reader,
  ends: readonly Extremity[],
  made: Pick<NewEnd, 'nid' | 'stateNid'>,
): Promise<number[]> {
  const others = ends.flatMap(([nid]) => (nid === made.nid ? [] : nid))
  const places = await listPlacesByNid(reader, others)
  const states = [...places.values()].flatMap(({ stateNid }) => stateNid ?? [])
  return made.stateNid !== undefined && others.length < ends.length ? [...states, made.stateNid] : states
}

/**
 * Keeps the number of ends within bounds: of the server that has made most of them one goes first, so that nobody can push
 * out what others have sent. Where there is a choice it is one whose state is that of another end, so that the state of the
 * room stays, and the shallowest of these. `made` is the end that has no state in the database yet.
 */
async function capExtremities(
  reader: Reader,
  cache: EventCache,
  extremities: readonly Extremity[],
  made: Pick<NewEnd, 'nid' | 'stateNid'>,
): Promise<readonly Extremity[]> {
  if (extremities.length <= maxExtremities) return extremities
  const nids = extremities.map(([nid]) => nid)
  const events = await cache.list(reader, nids)
  const serverOfEnd = ([nid]: Extremity) => serverName(events.get(nid))
  const stateOfEnd = ([nid]: Extremity) => (nid === made.nid ? made.stateNid : events.get(nid)?.stateNid)
  const left = new Set([...extremities].sort(([, , a], [, , b]) => a - b))
  while (left.size > maxExtremities) {
    const byServer = Map.groupBy(left, serverOfEnd)
    const sameState = Map.groupBy(left, stateOfEnd)
    const most = Math.max(...[...byServer.values()].map((ends) => ends.length))
    const choice = [...left].filter((end) => byServer.get(serverOfEnd(end))?.length === most)
    const victim = choice.find((end) => (sameState.get(stateOfEnd(end))?.length ?? 0) > 1) ?? choice[0]
    if (victim === undefined) break
    left.delete(victim)
  }
  return extremities.filter((end) => left.has(end))
}

const serverName = (event: StoredEvent | undefined) => (event === undefined ? '' : serverOf(event.pdu.sender))
