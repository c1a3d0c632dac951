import type { Reader } from '../../db/database.ts'
import type { EventCache } from '../event-cache.ts'
import type { CurrentChange } from '../persist/finish-batch.ts'
import type { States } from '../states.ts'
import type { StateNids } from '../types.ts'

const empty: StateNids = new Map()

/** What differs between two states of a room, with the events that stand there. */
export async function listChanges(
  deps: { readonly states: States; readonly events: EventCache },
  reader: Reader,
  change: { readonly from: number | undefined; readonly to: number; readonly streamPos: number },
): Promise<CurrentChange[]> {
  const { states, events } = deps
  const before = change.from === undefined ? empty : await states.load(reader, change.from)
  const after = await states.load(reader, change.to)
  const differing = new Map<number, { before: number | undefined; after: number | undefined }>()
  for (const [key, nid] of after) {
    if (before.get(key) !== nid) differing.set(key, { before: before.get(key), after: nid })
  }
  for (const [key, nid] of before) if (!after.has(key)) differing.set(key, { before: nid, after: undefined })
  const names = await states.keys(reader, differing.keys())
  const nids = [...differing.values()].flatMap((entry) => entry.after ?? entry.before ?? [])
  const found = await events.list(reader, nids)
  const changes: CurrentChange[] = []
  for (const [key, entry] of differing) {
    const name = names.get(key)
    if (name === undefined) throw new Error(`state key ${key} is missing`)
    const { type, stateKey } = name
    const event = entry.after === undefined ? undefined : found.get(entry.after)
    const gone = entry.after === undefined && entry.before !== undefined ? found.get(entry.before) : undefined
    changes.push({ type, stateKey, event, before: gone, streamPos: change.streamPos })
  }
  return changes
}
