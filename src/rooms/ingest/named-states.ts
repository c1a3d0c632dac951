import type { EventId } from '../../matrix/ids.ts'
import { parseStateMapKey, type SplitStates, type StateMap, stateMapKey } from '../../matrix/state-res.ts'
import { LruMap } from '../../util/lru.ts'
import type { States } from '../states.ts'
import type { StateNids } from '../types.ts'
import type { EventNames, Look } from './event-names.ts'

interface Numbered {
  readonly baseNid: number
  readonly base: StateNids
  readonly nids: StateNids
}

interface NamedSplit extends SplitStates {
  /** The numbers of the differing keys, by their names. */
  readonly keyNids: ReadonlyMap<string, number>
}

/** States by names and ids, as resolutions take them. */
export interface NamedStates {
  /** Takes states apart whose differing keys are known. Of what they have alike only one is named, and that for a while. */
  split(look: Look, states: readonly Numbered[], keys: ReadonlySet<number>): Promise<NamedSplit>
  /** Entries by their numbers; `keyNids` knows most of the keys. */
  numbers(look: Look, entries: StateMap, keyNids: ReadonlyMap<string, number>): Promise<ReadonlyMap<number, number>>
}

/** Entries that are kept of all named states together. */
const mostEntries = 200_000

export function createNamedStates(states: States, events: EventNames): NamedStates {
  const wholes = new LruMap<number, StateMap>(mostEntries, (state) => state.size + 1)

  async function nameKeys(look: Look, keys: Iterable<number>): Promise<Map<number, string>> {
    const found = await look((reader) => states.keys(reader, keys))
    const names = new Map<number, string>()
    for (const [keyNid, { type, stateKey }] of found) names.set(keyNid, stateMapKey(type, stateKey))
    return names
  }

  async function nameEntries(look: Look, state: StateNids, names: ReadonlyMap<number, string>): Promise<StateMap> {
    const ids = await events.ids(look, state.values())
    const named = new Map<string, EventId>()
    for (const [keyNid, nid] of state) {
      const [name, id] = [names.get(keyNid), ids.get(nid)]
      if (name === undefined || id === undefined)
        throw new Error(`an entry of a state is not stored: ${keyNid}, ${nid}`)
      named.set(name, id)
    }
    return named
  }

  async function nameWhole(look: Look, state: Numbered): Promise<StateMap> {
    const isStored = state.nids === state.base
    const known = isStored ? wholes.get(state.baseNid) : undefined
    if (known !== undefined) return known
    const named = await nameEntries(look, state.nids, await nameKeys(look, state.nids.keys()))
    if (isStored) wholes.set(state.baseNid, named)
    return named
  }

  return {
    split: async (look, given, keys) => {
      const names = await nameKeys(look, keys)
      const keyNids = new Map([...names].map(([keyNid, name]) => [name, keyNid]))
      const conflicted: StateMap[] = []
      for (const { nids } of given) {
        const differing = new Map<number, number>()
        for (const key of keys) {
          const nid = nids.get(key)
          if (nid !== undefined) differing.set(key, nid)
        }
        conflicted.push(await nameEntries(look, differing, names))
      }
      const one = given.find(({ baseNid }) => wholes.has(baseNid)) ?? given[0]
      const whole = one === undefined ? new Map<string, EventId>() : await nameWhole(look, one)
      return {
        unconflicted: {
          get: (key) => (keyNids.has(key) ? undefined : whole.get(key)),
          *values() {
            for (const [key, id] of whole) if (!keyNids.has(key)) yield id
          },
        },
        conflicted,
        keyNids,
      }
    },
    numbers: async (look, entries, keyNids) => {
      const nids = await events.nids(look, entries.values())
      const found = new Map<number, number>()
      for (const [key, id] of entries) {
        // What stood in none of the states may come in through what authorises them.
        const keyNid = keyNids.get(key) ?? (await look((reader) => states.keyNid(reader, ...parseStateMapKey(key))))
        const nid = nids.get(id)
        if (keyNid === undefined || nid === undefined) throw new Error(`the state event ${id} is not stored`)
        found.set(keyNid, nid)
      }
      return found
    },
  }
}
