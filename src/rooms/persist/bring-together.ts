import type { Tx } from '../../db/database.ts'
import { type Ends, fillUp, writeFurtherEnds } from '../ends.ts'
import { listChanges } from '../ingest/current-changes.ts'
import { resolveEnds } from '../ingest/extremities.ts'
import type { Resolutions } from '../ingest/resolutions.ts'
import { updateCurrentNid } from '../store-events.ts'
import type { Extremity, Room, StoredEvent } from '../types.ts'
import type { PersistDeps } from './deps.ts'
import type { CurrentChange } from './finish-batch.ts'

interface Followed {
  /** As it was. */
  readonly room: Room
  readonly ends: Ends
  /** What the new events leave of the ends that are cited, with their own. */
  readonly cited: readonly Extremity[]
  /** The new events, which nobody has seen yet. */
  readonly stored: StoredEvent[]
}

/**
 * The head of a room with more ends than one event can follow, once events of ours follow some of them: others take their
 * places. The state is resolved within the write, which happens to few rooms.
 */
export async function bringTogether(
  deps: PersistDeps & { readonly resolutions: Resolutions },
  tx: Tx,
  { room, ends: before, cited, stored }: Followed,
) {
  const ends = fillUp({ cited, further: before.further })
  const made = new Map(stored.map(({ nid, stateNid }) => [nid, stateNid]))
  const resolve = () => resolveEnds(deps.resolutions, tx, room.nid, ends, (nid) => made.get(nid))
  let resolved = await resolve()
  while (resolved.unresolved !== undefined) {
    await deps.resolutions.compute((fn) => fn(tx), room.rules, resolved.unresolved)
    resolved = await resolve()
  }
  const { stateNid, citedNid } = resolved
  await writeFurtherEnds(tx, room.nid, before, ends)
  for (const [i, event] of stored.entries()) {
    if (stateNid === undefined || stateNid === event.stateNid) continue
    await updateCurrentNid(tx, event.nid, stateNid)
    stored[i] = { ...event, currentNid: stateNid }
  }
  const streamPos = stored.at(-1)?.streamPos ?? room.lastPos
  const isSame = stateNid === undefined || stateNid === room.stateNid
  const changes: CurrentChange[] = isSame
    ? []
    : await listChanges(deps, tx, { from: room.stateNid, to: stateNid, streamPos })
  return { extremities: ends.cited, stateNid, citedNid, changes }
}
