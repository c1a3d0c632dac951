import type { Reader } from '../db/database.ts'
import type { RoomReads } from '../rooms/reads.ts'
import type { StateNids, StoredEvent } from '../rooms/types.ts'

const empty: StateNids = new Map()

export interface DeltaInput {
  /** The state that the client has; undefined when it has none. */
  readonly known: number | undefined
  /** The state before the first event of the timeline. */
  readonly start: number | undefined
  /** The state after the last event of the timeline: what the client must end up with. */
  readonly end: number | undefined
  readonly timeline: readonly StoredEvent[]
}

async function load(reads: RoomReads, reader: Reader, stateNid: number | undefined): Promise<StateNids> {
  return stateNid === undefined ? empty : reads.loadState(reader, stateNid)
}

/**
 * Numbers of the state events a client needs besides the timeline, so that applying them and then the timeline leaves it
 * with the state at `end`: what changed before the timeline, and what changed during it without standing in it (hidden by
 * a filter or on another branch).
 */
export async function stateBeforeTimeline(reads: RoomReads, reader: Reader, input: DeltaInput): Promise<number[]> {
  const { known, start, end, timeline } = input
  const [knownState, startState, endState] = [
    await load(reads, reader, known),
    await load(reads, reader, start),
    await load(reads, reader, end),
  ]
  const shown = new Set(timeline.map((event) => event.nid))
  const needed = new Map<number, number>()
  if (startState !== knownState) {
    for (const [key, nid] of startState) {
      if (knownState.get(key) !== nid) needed.set(key, nid)
    }
  }
  if (endState !== startState) {
    for (const [key, nid] of endState) {
      if (startState.get(key) !== nid && knownState.get(key) !== nid && !shown.has(nid)) needed.set(key, nid)
    }
  }
  return [...new Set(needed.values())].filter((nid) => !shown.has(nid))
}

/** Numbers of the state events that differ between what the client has and the state at the end of the timeline. */
export async function stateAfterTimeline(reads: RoomReads, reader: Reader, input: DeltaInput): Promise<number[]> {
  if (input.known === undefined || input.end === undefined) return [...(await load(reads, reader, input.end)).values()]
  const changes = await reads.recent.stateChanges(reader, input.known, input.end)
  return changes.map(([, nid]) => nid).filter((nid) => nid !== 0)
}
