import type { Database } from '../../../db/database.ts'
import { requestEvent, requestState, requestStateIds } from '../../../federation/client/requests-events.ts'
import type { Json } from '../../../matrix/event.ts'
import type { EventId, ServerName } from '../../../matrix/ids.ts'
import { mapLimit } from '../../../util/async.ts'
import { buildState } from '../../state-builder.ts'
import type { States } from '../../states.ts'
import type { Room, StateNids } from '../../types.ts'
import { readClaimedState } from '../claimed-state.ts'
import type { Outliers } from '../outliers.ts'
import { listPlaces } from '../store-places.ts'
import type { RoomSource } from './room-source.ts'

/** More than so many are fetched with the whole state at once. */
const mostSingly = 40
const parallel = 5
/** A state that differs in more from one that we have is stored by itself. */
const mostChanges = 500

export interface StateFetchDeps {
  readonly db: Database
  readonly states: States
  readonly outliers: Outliers
}

/**
 * The number of the state before an event as other servers tell it, without what is not valid in it; undefined where no
 * server tells one that can be used. `nearNid` is a state that is likely to be much the same.
 */
export async function fetchState(
  deps: StateFetchDeps,
  source: RoomSource,
  eventId: EventId,
  nearNid: number | undefined,
): Promise<number | undefined> {
  async function use(ids: readonly EventId[]): Promise<number | undefined> {
    const known = await deps.outliers.list(source.room, ids)
    const state = await readClaimedState(deps, ids, known)
    return state.createId === undefined ? undefined : storeState(deps, source.room, state.nids, nearNid)
  }

  let incomplete: readonly EventId[] | undefined
  for (const server of await source.servers()) {
    const told = await fetchEvents(deps, source, server, eventId)
    if (told?.isComplete === false) incomplete ??= told.ids
    const stateNid = told?.isComplete ? await use(told.ids) : undefined
    if (stateNid !== undefined) return stateNid
  }
  // Better than none: what nobody has cannot be had.
  return incomplete && use(incomplete)
}

interface ToldIds {
  readonly ids: readonly EventId[]
  /** Whether the server has given all of the events that were not here. */
  readonly isComplete: boolean
}

/** Fetches what is not here of a state and of what authorises it. Returns the ids of the state. */
async function fetchEvents(
  { db, outliers }: StateFetchDeps,
  source: RoomSource,
  server: ServerName,
  eventId: EventId,
): Promise<ToldIds | undefined> {
  const { room, transport } = source
  const ids = await source.ask(server, (at) => requestStateIds(transport, at, room.roomId, eventId))
  const wanted = ids && [...new Set([...ids.authChain, ...ids.state])]
  const places = wanted && (await db.read((reader) => listPlaces(reader, wanted)))
  const missing = wanted?.filter((id) => !places?.has(id))
  const isShort = missing !== undefined && missing.length <= mostSingly
  if (ids !== undefined && isShort) {
    const ask = (id: EventId) => source.ask(server, (at) => requestEvent(transport, at, id))
    const fetched = await mapLimit(missing, parallel, ask)
    const given: Json[] = fetched.filter((json) => json !== undefined)
    if (given.length > 0) await outliers.store(room, given)
    const lacking = new Set(missing.filter((_, i) => fetched[i] === undefined))
    if (!ids.state.some((id) => lacking.has(id))) return { ids: ids.state, isComplete: true }
  }
  // Some servers have a state as a whole and not each of its events.
  const whole = await source.ask(server, (at) => requestState(transport, at, room.roomId, eventId))
  if (whole === undefined) return ids && isShort ? { ids: ids.state, isComplete: false } : undefined
  const stored = await outliers.store(room, [...whole.authChain, ...whole.state])
  return { ids: stored.ids.slice(whole.authChain.length).filter((id) => id !== undefined), isComplete: true }
}

async function storeState(
  { db, states }: StateFetchDeps,
  room: Room,
  state: StateNids,
  nearNid = room.stateNid,
): Promise<number> {
  if (nearNid === undefined) return buildState(db, room.nid, state)
  const near = await db.read((reader) => states.load(reader, nearNid))
  const changes = new Map<number, number>()
  for (const [key, nid] of state) if (near.get(key) !== nid) changes.set(key, nid)
  for (const key of near.keys()) if (!state.has(key)) changes.set(key, 0)
  if (changes.size > mostChanges) return buildState(db, room.nid, state)
  return db.write('store a fetched state', (tx) => states.derive(tx, room.nid, nearNid, changes))
}
