import type { Reader } from '../../db/database.ts'
import { prevEventIds } from '../../matrix/event-references.ts'
import { serverOf } from '../../matrix/ids.ts'
import type { EventCache } from '../event-cache.ts'
import type { Extremity, StoredEvent } from '../types.ts'
import { listPlaces, listPlacesByNid, type Place } from './store-places.ts'

/** So many ends a room may have: as many as one event can follow. */
const maxExtremities = 20
/** Events that are not shown stand in a row of at most this length between two that are. */
const maxHidden = 100

/**
 * The ends of a room that an event which follows `prevs` leaves as they are. What it follows only by way of events that
 * were not accepted has come to its end too.
 */
export async function remainingExtremities(
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
  made: { readonly nid: number; readonly stateNid: number | undefined },
): Promise<number[]> {
  const others = ends.flatMap(([nid]) => (nid === made.nid ? [] : nid))
  const places = await listPlacesByNid(reader, others)
  const states = [...places.values()].flatMap(({ stateNid }) => stateNid ?? [])
  return made.stateNid !== undefined && others.length < ends.length ? [...states, made.stateNid] : states
}

/**
 * Keeps the number of ends within bounds: of the server that has made most of them the shallowest goes first, so that
 * nobody can push out what others have sent.
 */
export async function capExtremities(
  reader: Reader,
  cache: EventCache,
  extremities: readonly Extremity[],
): Promise<readonly Extremity[]> {
  if (extremities.length <= maxExtremities) return extremities
  const events = await cache.list(
    reader,
    extremities.map(([nid]) => nid),
  )
  const byServer = new Map<string, Extremity[]>()
  for (const extremity of extremities) {
    const server = serverName(events.get(extremity[0]))
    byServer.set(server, [...(byServer.get(server) ?? []), extremity])
  }
  for (const list of byServer.values()) list.sort(([, , a], [, , b]) => a - b)
  const dropped = new Set<Extremity>()
  while (extremities.length - dropped.size > maxExtremities) {
    const [largest] = [...byServer.values()].sort((a, b) => b.length - a.length)
    const shallowest = largest?.shift()
    if (shallowest === undefined) break
    dropped.add(shallowest)
  }
  return extremities.filter((extremity) => !dropped.has(extremity))
}

const serverName = (event: StoredEvent | undefined) => (event === undefined ? '' : serverOf(event.pdu.sender))
