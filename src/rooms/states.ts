import { createHash } from 'node:crypto'
import { onceCommitted, type Reader, type Tx } from '../db/database.ts'
import { LruMap } from '../util/lru.ts'
import {
  getChange,
  getKeyNid,
  getState,
  getStateByDigest,
  insertKeyNid,
  insertState,
  listChanges,
  listKeys,
  type StateRow,
} from './store-state.ts'
import type { StateEntry, StateNids } from './types.ts'

export type StateKey = StateEntry

/**
 * States as shared deltas. A state at depth n keeps what changed since its ancestor at depth n & (n - 1), which makes
 * both a full read and a look-up of one key cost at most log2(n) steps and needs no full copy anywhere.
 */
export interface States {
  keyNid(reader: Reader, type: string, stateKey: string): Promise<number | undefined>
  /** The number of a state key, made when it is new. */
  requireKeyNid(tx: Tx, type: string, stateKey: string): Promise<number>
  /** Types and state keys of these numbers. */
  keys(reader: Reader, nids: Iterable<number>): Promise<ReadonlyMap<number, StateKey>>
  /** The whole state. Shared: never change it. */
  load(reader: Reader, stateNid: number): Promise<StateNids>
  /** One entry, without loading the state. */
  lookup(reader: Reader, stateNid: number, keyNid: number): Promise<number | undefined>
  /** The state that comes of `parent` by these changes (event number 0 removes), made or found. */
  derive(tx: Tx, roomNid: number, parent: number | undefined, changes: ReadonlyMap<number, number>): Promise<number>
}

export const noDigest = '0'.repeat(32)

/** Digests combine by exclusive or, so a change costs the same whatever the size of the state. */
export function toggle(digest: string, keyNid: number, eventNid: number): string {
  if (eventNid === 0) return digest
  const entry = createHash('sha256').update(`${keyNid}:${eventNid}`).digest('hex').slice(0, 32)
  return (BigInt(`0x${digest}`) ^ BigInt(`0x${entry}`)).toString(16).padStart(32, '0')
}

export function createStates(): States {
  const rows = new LruMap<number, StateRow>(100_000)
  const full = new LruMap<number, StateNids>(1_000_000, (state) => state.size + 8)
  const entries = new LruMap<string, number>(100_000)
  const keyNids = new LruMap<string, number>(200_000)
  const keysByNid = new LruMap<number, StateKey>(200_000)

  async function row(reader: Reader, nid: number): Promise<StateRow> {
    const cached = rows.get(nid)
    if (cached !== undefined) return cached
    const found = await getState(reader, nid)
    if (found === undefined) throw new Error(`state ${nid} is missing`)
    onceCommitted(reader, () => rows.set(nid, found))
    return found
  }

  async function keyNid(reader: Reader, type: string, stateKey: string): Promise<number | undefined> {
    const name = `${type}\0${stateKey}`
    const cached = keyNids.get(name)
    if (cached !== undefined) return cached
    const found = await getKeyNid(reader, type, stateKey)
    if (found !== undefined) onceCommitted(reader, () => keyNids.set(name, found))
    return found
  }

  async function load(reader: Reader, stateNid: number): Promise<StateNids> {
    const chain: StateRow[] = []
    let base: StateNids | undefined
    for (let nid: number | null = stateNid; nid !== null; ) {
      base = full.get(nid)
      if (base !== undefined) break
      const next: StateRow = await row(reader, nid)
      chain.push(next)
      nid = next.base_nid
    }
    if (chain.length === 0 && base !== undefined) return base
    const state = new Map(base)
    for (const { state_nid } of chain.reverse()) {
      for (const { key_nid, event_nid } of await listChanges(reader, state_nid)) {
        if (event_nid === 0) state.delete(key_nid)
        else state.set(key_nid, event_nid)
      }
    }
    onceCommitted(reader, () => full.set(stateNid, state))
    return state
  }

  async function lookup(reader: Reader, stateNid: number, key: number): Promise<number | undefined> {
    const entry = `${stateNid} ${key}`
    const cached = entries.get(entry)
    const found = cached ?? (await find(reader, stateNid, key))
    if (cached === undefined) onceCommitted(reader, () => entries.set(entry, found))
    return found === 0 ? undefined : found
  }

  /** The event of one entry; 0 where there is none. */
  async function find(reader: Reader, stateNid: number, key: number): Promise<number> {
    for (let nid: number | null = stateNid; nid !== null; ) {
      const known = full.get(nid)
      if (known !== undefined) return known.get(key) ?? 0
      const change = await getChange(reader, nid, key)
      if (change !== undefined) return change.event_nid
      nid = (await row(reader, nid)).base_nid
    }
    return 0
  }

  /** Changes since the ancestor that a state of depth `parent.depth + 1` is based on, oldest first. */
  async function changesSinceBase(tx: Tx, parent: StateRow) {
    const depth = parent.depth + 1
    const baseDepth = depth & (depth - 1)
    const merged = new Map<number, number>()
    let current: StateRow = parent
    while (current.depth > baseDepth) {
      for (const { key_nid, event_nid } of await listChanges(tx, current.state_nid)) {
        if (!merged.has(key_nid)) merged.set(key_nid, event_nid)
      }
      if (current.base_nid === null) return { baseNid: null, depth, changes: merged }
      current = await row(tx, current.base_nid)
    }
    return { baseNid: current.state_nid, depth, changes: merged }
  }

  async function derive(
    tx: Tx,
    roomNid: number,
    parentNid: number | undefined,
    changes: ReadonlyMap<number, number>,
  ): Promise<number> {
    const parent = parentNid === undefined ? undefined : await row(tx, parentNid)
    let digest = parent?.digest ?? noDigest
    for (const [key, eventNid] of changes) {
      const before = parent === undefined ? 0 : ((await lookup(tx, parent.state_nid, key)) ?? 0)
      digest = toggle(toggle(digest, key, before), key, eventNid)
    }
    if (parent !== undefined && digest === parent.digest) return parent.state_nid
    const equal = await getStateByDigest(tx, roomNid, digest)
    if (equal !== undefined) return equal.state_nid
    const since =
      parent === undefined ? { baseNid: null, depth: 1, changes: new Map() } : await changesSinceBase(tx, parent)
    const made = await insertState(
      tx,
      { room_nid: roomNid, depth: since.depth, base_nid: since.baseNid, digest },
      new Map([...since.changes, ...changes]),
    )
    const parentState = parent && full.get(parent.state_nid)
    tx.afterCommit(() => {
      rows.set(made.state_nid, made)
      if (parentState === undefined) return
      const state = new Map(parentState)
      for (const [key, eventNid] of changes) {
        if (eventNid === 0) state.delete(key)
        else state.set(key, eventNid)
      }
      full.set(made.state_nid, state)
    })
    return made.state_nid
  }

  return {
    keyNid,
    requireKeyNid: async (tx, type, stateKey) => {
      const known = await keyNid(tx, type, stateKey)
      if (known !== undefined) return known
      const made = await insertKeyNid(tx, type, stateKey)
      onceCommitted(tx, () => keyNids.set(`${type}\0${stateKey}`, made))
      return made
    },
    keys: async (reader, nids) => {
      const found = new Map<number, StateKey>()
      const missing: number[] = []
      for (const nid of nids) {
        const cached = keysByNid.get(nid)
        if (cached === undefined) missing.push(nid)
        else found.set(nid, cached)
      }
      for (let i = 0; i < missing.length; i += 500) {
        for (const { key_nid, type, state_key } of await listKeys(reader, missing.slice(i, i + 500))) {
          const key = { type, stateKey: state_key }
          found.set(key_nid, key)
          onceCommitted(reader, () => keysByNid.set(key_nid, key))
        }
      }
      return found
    },
    load,
    lookup,
    derive,
  }
}
