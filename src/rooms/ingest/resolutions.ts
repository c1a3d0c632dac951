import { createHash } from 'node:crypto'
import type { Tx } from '../../db/database.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import { ResolutionMemo, resolveConflicts } from '../../matrix/state-res.ts'
import { yieldNow } from '../../util/async.ts'
import { LruMap } from '../../util/lru.ts'
import type { EventCache } from '../event-cache.ts'
import type { States } from '../states.ts'
import type { StateNids } from '../types.ts'
import { differingKeys } from './differing-keys.ts'
import { createEventNames, type Look } from './event-names.ts'
import { createNamedStates } from './named-states.ts'

export type { Look } from './event-names.ts'

/** A resolved state, as what it changes in one of the states that it comes of. */
interface Resolution {
  readonly baseNid: number
  /** By the number of the state key; event number 0 removes. */
  readonly changes: ReadonlyMap<number, number>
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
  /** To be called when events have turned out to be rejected ones. */
  forget(): void
}

/** Changes that are kept of all results together. */
const mostChanges = 100_000

const distinctOf = (stateNids: readonly number[]) => [...new Set(stateNids)].sort((a, b) => a - b)

/** What goes into a resolution: a state, or what several come to, which may be none that is stored. */
interface Input extends Resolution {
  readonly base: StateNids
  readonly nids: StateNids
}

const noChanges: ReadonlyMap<number, number> = new Map()

export function createResolutions({ states, events }: { states: States; events: EventCache }): Resolutions {
  // Even the largest result is kept, or whoever waits for it would have it computed again and again.
  const results = new LruMap<string, Resolution>(mostChanges, ({ changes }) => Math.min(10 + changes.size, mostChanges))
  const memo = new ResolutionMemo()
  const eventNames = createEventNames(events)
  const named = createNamedStates(states, eventNames)

  async function input(look: Look, rules: RoomVersionRules, group: readonly number[]): Promise<Input> {
    const [only = 0, ...others] = group
    const isOne = others.length === 0
    const merged = isOne ? undefined : (results.get(nameOf(group)) ?? (await resolve(look, rules, group)))
    const { baseNid, changes } = merged ?? { baseNid: only, changes: noChanges }
    const base = await look((reader) => states.load(reader, baseNid))
    return { baseNid, changes, base, nids: changes.size === 0 ? base : changed(base, changes) }
  }

  async function resolve(look: Look, rules: RoomVersionRules, distinct: readonly number[]): Promise<Resolution> {
    const groups = distinct.length <= mostTogether ? distinct.map((nid) => [nid]) : groupsOf(distinct)
    const inputs: Input[] = []
    for (const group of groups) {
      inputs.push(await input(look, rules, group))
      if (inputs.length > 2) await yieldNow()
    }
    const keys = differingKeys(inputs.map(({ nids }) => nids))
    const split = await named.split(look, inputs, keys)
    const tools = { rules, source: eventNames.sourceOf(look), yieldNow, memo }
    const resolved = await named.numbers(look, await resolveConflicts(split, tools), split.keyNids)
    const result = nearest(inputs, keys, resolved)
    results.set(nameOf(distinct), result)
    return result
  }

  return {
    find: async (tx, roomNid, stateNids) => {
      const distinct = distinctOf(stateNids)
      if (distinct.length < 2) return distinct[0]
      const result = results.get(nameOf(distinct))
      return result && states.derive(tx, roomNid, result.baseNid, result.changes)
    },
    compute: async (look, rules, stateNids) => {
      await resolve(look, rules, distinctOf(stateNids))
    },
    forget: () => {
      results.clear()
      memo.forget()
    },
  }
}

function changed(base: StateNids, changes: ReadonlyMap<number, number>): StateNids {
  const state = new Map(base)
  for (const [key, nid] of changes) {
    if (nid === 0) state.delete(key)
    else state.set(key, nid)
  }
  return state
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

/** The resolved state by what it changes in that one of the stored states which it resembles most. */
function nearest(
  inputs: readonly Input[],
  keys: ReadonlySet<number>,
  resolved: ReadonlyMap<number, number>,
): Resolution {
  const [first] = inputs
  if (first === undefined) throw new Error('nothing was resolved')
  const valueAt = (key: number) => resolved.get(key) ?? (keys.has(key) ? 0 : (first.nids.get(key) ?? 0))
  const touched = new Set([...keys, ...resolved.keys()])
  let best: Resolution | undefined
  for (const { baseNid, base, changes: merged } of inputs) {
    const changes = new Map<number, number>()
    for (const key of merged.size === 0 ? touched : new Set([...touched, ...merged.keys()])) {
      const value = valueAt(key)
      if (value !== (base.get(key) ?? 0)) changes.set(key, value)
    }
    if (best === undefined || changes.size < best.changes.size) best = { baseNid, changes }
  }
  return best ?? { baseNid: first.baseNid, changes: noChanges }
}
