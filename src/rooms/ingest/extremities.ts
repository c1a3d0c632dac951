import type { Reader, Tx } from '../../db/database.ts'
import { prevEventIds } from '../../matrix/event-references.ts'
import { type EventId, type ServerName, serverOf, type UserId } from '../../matrix/ids.ts'
import { countEnds, type EndStates, type Ends, fillUp, hasRoomFor, listEnds, withEnd } from '../ends.ts'
import type { EventCache } from '../event-cache.ts'
import type { Extremity, Room } from '../types.ts'
import type { Resolutions } from './resolutions.ts'
import { listPlaces, listPlacesByNid, listWaitingFor, type Place } from './store-places.ts'

/** Events that are not shown stand in a row of at most this length between two that are. */
const maxHidden = 100

/** An event that is about to be accepted. */
interface NewEnd {
  readonly nid: number
  readonly eventId: EventId
  readonly sender: UserId
  readonly depth: number
  readonly stateNid: number | undefined
  readonly prevs: readonly Place[]
  /** The room is entered with it, so that nothing before it counts. */
  readonly isEntry: boolean
}

/** The ends of a room once an event is in; `full` where it would have too many. */
export async function endsWith(reader: Reader, cache: EventCache, room: Room, made: NewEnd): Promise<Ends | 'full'> {
  const end: Extremity = [made.nid, made.eventId, made.depth]
  if (made.isEntry) return { cited: [end], further: [] }
  const before = await listEnds(reader, room)
  const others = await remainingEnds(reader, cache, before, made.prevs)
  const followers = await listWaitingFor(reader, made.eventId)
  if (countEnds(others) > 0 && followers.some(({ status }) => status === 0)) return fillUp(others)
  const server: ServerName = serverOf(made.sender)
  const isOneMore = countEnds(others) === countEnds(before)
  if (isOneMore && !(await hasRoomFor(reader, cache, others, server))) return 'full'
  return withEnd(reader, cache, others, { end, server, stateNid: made.stateNid })
}

/**
 * The ends of a room that an event which follows `prevs` leaves as they are. What it follows only by way of events that
 * were not accepted has come to its end too.
 */
async function remainingEnds(
  reader: Reader,
  cache: EventCache,
  { cited, further }: Ends,
  prevs: readonly Place[],
): Promise<Ends> {
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
  const isLeft = ([nid]: Extremity) => !followed.has(nid)
  return { cited: cited.filter(isLeft), further: further.filter(isLeft) }
}

/** The ends of a room with the states over them. */
export interface ResolvedEnds extends EndStates {
  readonly ends: Ends
  readonly unresolved?: undefined
}

/** The states over ends of a room, or those that have to be resolved first. `stateOf` knows states that are not written yet. */
export async function resolveEnds(
  resolutions: Pick<Resolutions, 'find'>,
  tx: Tx,
  roomNid: number,
  ends: Ends,
  stateOf: (nid: number) => number | undefined,
): Promise<ResolvedEnds | { readonly unresolved: readonly number[] }> {
  const cited = await statesOf(tx, ends.cited, stateOf)
  const citedNid = await resolutions.find(tx, roomNid, cited)
  if (citedNid === undefined) return { unresolved: cited }
  if (ends.further.length === 0) return { ends, stateNid: citedNid, citedNid: undefined }
  const all = [...cited, ...(await statesOf(tx, ends.further, stateOf))]
  const stateNid = await resolutions.find(tx, roomNid, all)
  return stateNid === undefined ? { unresolved: all } : { ends, stateNid, citedNid }
}

async function statesOf(
  reader: Reader,
  ends: readonly Extremity[],
  stateOf: (nid: number) => number | undefined,
): Promise<number[]> {
  const unknown = ends.flatMap(([nid]) => (stateOf(nid) === undefined ? nid : []))
  const places = await listPlacesByNid(reader, unknown)
  return ends.flatMap(([nid]) => stateOf(nid) ?? places.get(nid)?.stateNid ?? [])
}
