/** Where states differ, and why: the definitions of https://spec.matrix.org/v1.19/rooms/v12/#definitions */
import type { EventId } from './ids.ts'
import type { StateMap } from './state-map.ts'
import type { StateView } from './state-res-draft.ts'
import { type EventPool, pause, type Steps } from './state-res-pool.ts'

export interface SplitStates {
  readonly unconflicted: StateView
  /** Of each state, its entries on which the states do not all agree. */
  readonly conflicted: readonly StateMap[]
}

/** Takes the states apart into what all of them have alike and what is left of each. */
export function* splitStates(
  pool: EventPool,
  states: readonly StateMap[],
): Steps<SplitStates & { readonly unconflicted: StateMap }> {
  const unconflicted = new Map<string, EventId>()
  const conflicted: StateMap[] = []
  for (const state of states) {
    const differing = new Map<string, EventId>()
    for (const [key, id] of state) {
      if (states.every((other) => other.get(key) === id)) unconflicted.set(key, id)
      else differing.set(key, id)
      if (pool.isTired()) yield pause
    }
    conflicted.push(differing)
  }
  return { unconflicted, conflicted }
}

/**
 * The full conflicted set: the conflicted events, the auth difference, and for version 2.1 the conflicted state
 * subgraph. What all states share is walked last, and only where it can still matter, because it is by far the most.
 */
export function* fullConflictedSet(pool: EventPool, split: SplitStates, withSubgraph: boolean): Steps<Set<EventId>> {
  const chains: Set<EventId>[] = []
  for (const entries of split.conflicted) chains.push(yield* authChain(pool, entries.values()))
  const conflicted = new Set<EventId>()
  for (const entries of split.conflicted) for (const id of entries.values()) conflicted.add(id)
  const reached = new Set(chains.flatMap((chain) => [...chain]))
  const full = new Set(conflicted)
  if (withSubgraph) {
    for (const id of yield* eventsLeadingTo(pool, conflicted, reached)) full.add(id)
  }
  const difference = new Set<EventId>()
  for (const id of reached) {
    if (!full.has(id) && !chains.every((chain) => chain.has(id))) difference.add(id)
    if (pool.isTired()) yield pause
  }
  yield* removeReached(pool, difference, split.unconflicted.values())
  for (const id of difference) full.add(id)
  return full
}

/** Every event that can be reached from these along `auth_events`. */
function* authChain(pool: EventPool, starts: Iterable<EventId>): Steps<Set<EventId>> {
  const chain = new Set<EventId>()
  // Many events cite the same.
  const followed = new Set<readonly EventId[]>()
  let frontier = [...starts]
  while (frontier.length > 0) {
    yield* pool.loadAuthIds(frontier)
    const next: EventId[] = []
    for (const id of frontier) {
      const authIds = pool.authIds(id)
      if (followed.has(authIds)) continue
      followed.add(authIds)
      for (const cited of authIds) {
        if (chain.has(cited)) continue
        chain.add(cited)
        next.push(cited)
      }
      if (pool.isTired()) yield pause
    }
    frontier = next
  }
  return chain
}

/** Takes out of `wanted` what the auth chains of these events reach; stops as soon as nothing is left of it. */
function* removeReached(pool: EventPool, wanted: Set<EventId>, starts: Iterable<EventId>): Steps<void> {
  const seen = new Set<EventId>()
  let frontier = wanted.size === 0 ? [] : [...starts]
  while (frontier.length > 0 && wanted.size > 0) {
    yield* pool.loadAuthIds(frontier)
    const next: EventId[] = []
    for (const id of frontier) {
      for (const cited of pool.authIds(id)) {
        if (seen.has(cited)) continue
        seen.add(cited)
        wanted.delete(cited)
        next.push(cited)
      }
      if (pool.isTired()) yield pause
    }
    frontier = next
  }
}

/** Those of `among` from which a path of `auth_events` leads to one of the targets. */
function* eventsLeadingTo(
  pool: EventPool,
  targets: ReadonlySet<EventId>,
  among: ReadonlySet<EventId>,
): Steps<Set<EventId>> {
  const citedBy = new Map<EventId, EventId[]>()
  for (const id of among) {
    for (const cited of pool.authIds(id)) {
      const citing = citedBy.get(cited)
      if (citing === undefined) citedBy.set(cited, [id])
      else citing.push(id)
    }
    if (pool.isTired()) yield pause
  }
  const found = new Set<EventId>()
  const open = [...targets]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const citing of citedBy.get(id) ?? []) {
      if (found.has(citing)) continue
      found.add(citing)
      open.push(citing)
    }
    if (pool.isTired()) yield pause
  }
  return found
}
