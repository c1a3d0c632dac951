import type { Tx } from '../../db/database.ts'
import { isActivity } from '../../matrix/activity.ts'
import type { RoomId } from '../../matrix/ids.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import type { AlsoWrite } from '../draft.ts'
import { type Ends, listEnds } from '../ends.ts'
import type { DraftEvent } from '../event-template.ts'
import type { Resolutions } from '../ingest/resolutions.ts'
import { insertEdge } from '../store-event-edges.ts'
import { insertRoom, updateRoomHead } from '../store-rooms.ts'
import type { Extremity, Room, StoredEvent } from '../types.ts'
import { bringTogether } from './bring-together.ts'
import type { PersistDeps } from './deps.ts'
import { type CurrentChange, finishBatch } from './finish-batch.ts'
import { writeEvent } from './write-event.ts'

const noEnds: Ends = { cited: [], further: [] }

/** Events of one room, each built on the one before, the first on the room's extremities. */
export interface EventChain {
  readonly room: Room | undefined
  readonly roomId: RoomId
  readonly rules: RoomVersionRules
  readonly events: readonly DraftEvent[]
  readonly works: readonly AlsoWrite[]
  /** The extremities on which they were built, where the room may have others by now, at the same state. */
  readonly prev?: readonly Extremity[]
}

export interface ChainDeps extends PersistDeps {
  readonly resolutions: Resolutions
}

/** Writes a chain of events with everything that follows from them. */
export async function persistChain(deps: ChainDeps, tx: Tx, chain: EventChain): Promise<StoredEvent[]> {
  const last = await deps.streams.allocate(tx, chain.events.length)
  const first = last - chain.events.length + 1
  const roomNid = chain.room?.nid ?? (await insertRoom(tx, chain.roomId, chain.rules.version))
  const ends = chain.room === undefined ? noEnds : await listEnds(tx, chain.room)
  let prevNids = (chain.prev ?? ends.cited).map(([nid]) => nid)
  const others = ends.cited.filter(([nid]) => !prevNids.includes(nid))
  let stateNid = chain.room?.citedNid ?? chain.room?.stateNid
  let extremities = ends.cited
  const stored: StoredEvent[] = []
  for (const [index, event] of chain.events.entries()) {
    const row = await writeEvent(deps, tx, { event, roomNid, streamPos: first + index, beforeNid: stateNid })
    for (const nid of prevNids) await insertEdge(tx, row.nid, nid)
    prevNids = [row.nid]
    stateNid = row.stateNid
    extremities = [...others, [row.nid, row.eventId, row.pdu.depth]]
    stored.push(row)
  }
  const bumpPos = stored.findLast(({ pdu }) => isActivity(pdu.type))?.streamPos ?? chain.room?.bumpPos ?? 0
  const followed = chain.room && ends.further.length > 0 ? { room: chain.room, ends } : undefined
  const head = followed && (await bringTogether(deps, tx, { ...followed, cited: extremities, stored }))
  const current = head ?? { extremities, stateNid, citedNid: undefined, changes: changesOf(stored) }
  await updateRoomHead(tx, roomNid, { ...current, lastPos: last, bumpPos })
  const room: Room = {
    nid: roomNid,
    roomId: chain.roomId,
    rules: chain.rules,
    extremities: current.extremities,
    stateNid: current.stateNid,
    citedNid: current.citedNid,
    lastPos: last,
    bumpPos,
    isPublic: chain.room?.isPublic ?? false,
    isPartial: chain.room?.isPartial ?? false,
    completePos: chain.room?.completePos,
    stickyUntil: chain.room?.stickyUntil ?? 0,
  }
  const redactions = stored.filter(({ pdu }) => pdu.type === 'm.room.redaction')
  await finishBatch(deps, tx, { room, events: stored, changes: current.changes, outgoing: stored, redactions })
  for (const work of chain.works) await work(tx, room)
  tx.afterCommit(() => {
    for (const event of stored) deps.events.remember(event)
  })
  return stored
}

/** What the chain leaves in the entries of the state that it changes. */
function changesOf(events: readonly StoredEvent[]): CurrentChange[] {
  const changes = new Map<string, CurrentChange>()
  for (const event of events) {
    const { type, state_key: stateKey } = event.pdu
    if (stateKey === undefined) continue
    changes.set(`${type}\0${stateKey}`, { type, stateKey, event, streamPos: event.streamPos ?? 0 })
  }
  return [...changes.values()]
}
