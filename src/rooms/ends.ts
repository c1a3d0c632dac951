import type { Reader, Tx } from '../db/database.ts'
import { serverOf } from '../matrix/ids.ts'
import type { EventCache } from './event-cache.ts'
import { deleteFurtherEnd, insertFurtherEnd, listFurtherEnds } from './store-ends.ts'
import type { Extremity, Room } from './types.ts'

/** So many events one event can follow. */
const mostCited = 20

/** All ends of a room. */
export interface Ends {
  /** Those that the next event of ours follows. */
  readonly cited: readonly Extremity[]
  /** Those for which it has no place: those after it take their turn. The state of the room is that of all of them. */
  readonly further: readonly Extremity[]
}

/** States over ends of a room: over all of them, and over those that are cited where there are others. */
export interface EndStates {
  readonly stateNid: number | undefined
  readonly citedNid: number | undefined
}

export async function listEnds(reader: Reader, room: Room): Promise<Ends> {
  // It is set where there are further ones.
  const further = room.citedNid === undefined ? [] : await listFurtherEnds(reader, room.nid)
  return { cited: room.extremities, further }
}

export const countEnds = ({ cited, further }: Ends) => cited.length + further.length

/** Notes what has become of the further ends; those that are cited stand in the row of the room. */
export async function writeFurtherEnds(tx: Tx, roomNid: number, before: Ends, now: Ends): Promise<void> {
  const [old, current] = [before, now].map(({ further }) => new Map(further.map((end) => [end[0], end])))
  for (const [nid] of old ?? []) if (!current?.has(nid)) await deleteFurtherEnd(tx, roomNid, nid)
  for (const [nid, end] of current ?? []) if (!old?.has(nid)) await insertFurtherEnd(tx, roomNid, end)
}

/** Fills the places that are free with the further ends that have waited longest. */
export function fillUp({ cited, further }: Ends): Ends {
  const free = Math.max(0, mostCited - cited.length)
  return { cited: [...cited, ...further.slice(0, free)], further: further.slice(free) }
}

/**
 * With one more end. Where there is no place for all, one goes that the server with most of them has made, so that nobody
 * can keep out what others have sent; if there is a choice one whose state is that of another, else the newest.
 */
export async function withEnd(reader: Reader, cache: EventCache, ends: Ends, made: MadeEnd): Promise<Ends> {
  const { cited, further } = fillUp(ends)
  if (cited.length < mostCited) return { cited: [...cited, made.end], further }
  const nids = cited.map(([nid]) => nid)
  const events = await cache.list(reader, nids)
  const facts = new Map(cited.map((end) => [end, factsOf(events.get(end[0]))]))
  facts.set(made.end, { server: made.server, stateNid: made.stateNid })
  const all = [...cited, made.end]
  const byServer = Map.groupBy(all, (end) => facts.get(end)?.server)
  const byState = Map.groupBy(all, (end) => facts.get(end)?.stateNid)
  const most = Math.max(...[...byServer.values()].map((list) => list.length))
  const choice = all.filter((end) => byServer.get(facts.get(end)?.server)?.length === most)
  const isDouble = (end: Extremity) => (byState.get(facts.get(end)?.stateNid)?.length ?? 0) > 1
  const moved = choice.findLast(isDouble) ?? choice.at(-1)
  return moved === undefined ? ends : { cited: all.filter((end) => end !== moved), further: [...further, moved] }
}

/** An end that is about to be made, and has no state in the database yet. */
export interface MadeEnd {
  readonly end: Extremity
  readonly server: string
  readonly stateNid: number | undefined
}

type Known = NonNullable<Awaited<ReturnType<EventCache['get']>>>
const factsOf = (event: Known | undefined) => ({
  server: event === undefined ? '' : serverOf(event.pdu.sender),
  stateNid: event?.stateNid,
})

/** So many ends of a room one server may have made, and all together. */
const mostOfServer = 100
const mostEnds = 1000

/** Whether there is room for one more end by this server. What has none is kept back until something follows it. */
export async function hasRoomFor(reader: Reader, cache: EventCache, ends: Ends, server: string): Promise<boolean> {
  const all = [...ends.cited, ...ends.further]
  if (all.length < mostOfServer) return true
  if (all.length >= mostEnds) return false
  const nids = all.map(([nid]) => nid)
  const events = await cache.list(reader, nids)
  return all.filter(([nid]) => factsOf(events.get(nid)).server === server).length < mostOfServer
}
