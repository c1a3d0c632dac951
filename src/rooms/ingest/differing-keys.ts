import type { StateNids } from '../types.ts'

/** The keys under which not all of these states have the same. */
export function differingKeys(states: readonly StateNids[]): Set<number> {
  const keys = new Set<number>()
  const [first = new Map<number, number>(), ...others] = states
  for (const other of others) {
    for (const [key, nid] of other) if (first.get(key) !== nid) keys.add(key)
    for (const key of first.keys()) if (!other.has(key)) keys.add(key)
  }
  return keys
}
