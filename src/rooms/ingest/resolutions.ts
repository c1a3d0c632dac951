import { createHash } from 'node:crypto'
import type { Reader, Tx } from '../../db/database.ts'
import type { EventId } from '../../matrix/ids.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import { type EventSource, parseStateMapKey, resolveStateAsync, stateMapKey } from '../../matrix/state-res.ts'
import { yieldNow } from '../../util/async.ts'
import { LruMap } from '../../util/lru.ts'
import type { EventCache } from '../event-cache.ts'
import type { States } from '../states.ts'
import type { StateEntry, StateNids } from '../types.ts'
import { listAuthIds, listPlaces, listPlacesByNid } from './store-places.ts'

/** How a resolution looks at the database: in snapshots of its own, or in a transaction. */
export type Look = <T>(fn: (reader: Reader) => Promise<T>) => Promise<T>

/** A resolved state, as what it changes in one of the states that it comes of. */
interface Resolution {
  readonly baseNid: number
  /** Event number 0 removes. */
  readonly changes: readonly (StateEntry & { readonly eventNid: number })[]
}

/**
 * What the states of several branches come to. Branches are few and meet again, so that results are kept. More than an
 * event can follow are brought together in steps, so that one more costs but the steps on its way, however many there are.
 */
export interface Resolutions {
  /** The number of the resolved state; undefined where it has not been computed. One state needs no computing. */
  find(tx: Tx, roomNid: number, stateNids: readonly number[]): Promise<number | undefined>
  /** Computes it, so that `find` knows. Lets others run in between. */
  compute(look: Look, rules: RoomVersionRules, stateNids: readonly number[]): Promise<void>
}

/** Changes that are kept of all results together. */
const mostChanges = 100_000

const distinctOf = (stateNids: readonly number[]) => [...new Set(stateNids)].sort((a, b) => a - b)

export function createResolutions({ states, events }: { states: States; events: EventCache }): Resolutions {
  // Even the largest result is kept, or whoever waits for it would have it computed again and again.
  const results = new LruMap<string, Resolution>(mostChanges, ({ changes }) =>
    Math.min(10 + changes.length, mostChanges),
  )

  function sourceOf(look: Look): EventSource {
    return {
      loadEvents: (ids) =>
        look(async (reader) => {
          const places = [...(await listPlaces(reader, ids)).values()]
          const nids = places.map(({ nid }) => nid)
          const found = [...(await events.list(reader, nids)).values()]
          return found.map(({ eventId, pdu, status }) => ({ eventId, pdu, rejected: status === 2 }))
        }),
      loadAuthIds: (ids) => look((reader) => listAuthIds(reader, ids)),
    }
  }

  async function input(look: Look, rules: RoomVersionRules, group: readonly number[]): Promise<Input> {
    const [only = 0, ...others] = group
    if (others.length === 0) {
      const base = await nameEntries(look, states, only)
      return { base, ids: base.ids }
    }
    const { baseNid, changes } = results.get(nameOf(group)) ?? (await resolve(look, rules, group))
    const base = await nameEntries(look, states, baseNid)
    const ids = new Map(base.ids)
    const changed = changes.map(({ eventNid }) => eventNid)
    const places = await look((reader) => listPlacesByNid(reader, changed))
    for (const { type, stateKey, eventNid } of changes) {
      const id = places.get(eventNid)?.eventId
      if (id === undefined) ids.delete(stateMapKey(type, stateKey))
      else ids.set(stateMapKey(type, stateKey), id)
    }
    return { base, ids }
  }

  async function resolve(look: Look, rules: RoomVersionRules, distinct: readonly number[]): Promise<Resolution> {
    const groups = distinct.length <= mostTogether ? distinct.map((nid) => [nid]) : groupsOf(distinct)
    const inputs: Input[] = []
    for (const group of groups) {
      inputs.push(await input(look, rules, group))
      await yieldNow()
    }
    const maps = inputs.map(({ ids }) => ids)
    const resolved = await resolveStateAsync(rules, maps, sourceOf(look), yieldNow)
    const bases = inputs.map(({ base }) => base)
    const result = await nearest(look, bases, resolved)
    results.set(nameOf(distinct), result)
    return result
  }

  return {
    find: async (tx, roomNid, stateNids) => {
      const distinct = distinctOf(stateNids)
      if (distinct.length < 2) return distinct[0]
      const result = results.get(nameOf(distinct))
      if (result === undefined) return undefined
      const changes = new Map<number, number>()
      for (const { type, stateKey, eventNid } of result.changes) {
        changes.set(await states.requireKeyNid(tx, type, stateKey), eventNid)
      }
      return states.derive(tx, roomNid, result.baseNid, changes)
    },
    compute: async (look, rules, stateNids) => {
      await resolve(look, rules, distinctOf(stateNids))
    },
  }
}

/** As many as one event can follow, and the state that another server told of what comes before it. */
const mostTogether = 21

/** By a short name, however many there are. */
function nameOf(distinct: readonly number[]): string {
  const name = distinct.join()
  return distinct.length <= mostTogether ? name : createHash('sha256').update(name).digest('base64')
}

/** Puts numbers into at most sixteen groups, in which they stay whatever other numbers come and go nearby. */
function groupsOf(distinct: readonly number[]): number[][] {
  const [first = 0, last = 0] = [distinct[0], distinct.at(-1)]
  let width = 1
  while (Math.floor(first / width / 16) !== Math.floor(last / width / 16)) width *= 16
  return [...Map.groupBy(distinct, (nid) => Math.floor(nid / width)).values()]
}

/** What goes into a resolution: a state, or what several come to, which may be none that is stored. */
interface Input {
  readonly base: NamedState
  readonly ids: ReadonlyMap<string, EventId>
}

interface NamedState {
  readonly nid: number
  readonly ids: ReadonlyMap<string, EventId>
  readonly nids: ReadonlyMap<EventId, number>
}

async function nameEntries(look: Look, states: States, nid: number): Promise<NamedState> {
  const state = await look((reader) => states.load(reader, nid))
  const keys = await look((reader) => states.keys(reader, state.keys()))
  const idByNid = await listIds(look, state)
  const ids = new Map<string, EventId>()
  const nids = new Map<EventId, number>()
  for (const [keyNid, eventNid] of state) {
    const [key, id] = [keys.get(keyNid), idByNid.get(eventNid)]
    if (key === undefined || id === undefined) throw new Error(`state ${nid} has an entry that is not stored`)
    ids.set(stateMapKey(key.type, key.stateKey), id)
    nids.set(id, eventNid)
  }
  return { nid, ids, nids }
}

const page = 500

async function listIds(look: Look, state: StateNids): Promise<Map<number, EventId>> {
  const nids = [...state.values()]
  const found = new Map<number, EventId>()
  for (let from = 0; from < nids.length; from += page) {
    const places = await look((reader) => listPlacesByNid(reader, nids.slice(from, from + page)))
    for (const { nid, eventId } of places.values()) found.set(nid, eventId)
    await yieldNow()
  }
  return found
}

/** The resolved state by what it changes in that one of the states which it resembles most. */
async function nearest(
  look: Look,
  inputs: readonly NamedState[],
  resolved: ReadonlyMap<string, EventId>,
): Promise<Resolution> {
  let base: NamedState | undefined
  let changes: { key: string; id: EventId | undefined }[] = []
  for (const input of inputs) {
    const differing = differences(input.ids, resolved)
    if (base === undefined || differing.length < changes.length) [base, changes] = [input, differing]
  }
  if (base === undefined) throw new Error('nothing was resolved')
  // An event that stood in none of the states may come in through what authorises them.
  const known = new Map(inputs.flatMap(({ nids }) => [...nids]))
  const unknown = changes.flatMap(({ id }) => (id === undefined || known.has(id) ? [] : id))
  for (const place of (await look((reader) => listPlaces(reader, unknown))).values()) {
    known.set(place.eventId, place.nid)
  }
  return {
    baseNid: base.nid,
    changes: changes.map(({ key, id }) => {
      const [type, stateKey] = parseStateMapKey(key)
      return { type, stateKey, eventNid: id === undefined ? 0 : (known.get(id) ?? 0) }
    }),
  }
}

function differences(before: ReadonlyMap<string, EventId>, after: ReadonlyMap<string, EventId>) {
  const changes: { key: string; id: EventId | undefined }[] = []
  for (const [key, id] of after) if (before.get(key) !== id) changes.push({ key, id })
  for (const key of before.keys()) if (!after.has(key)) changes.push({ key, id: undefined })
  return changes
}
