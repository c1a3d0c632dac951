import type { Tx } from '../../db/database.ts'
import { hasUserIdShape, type ServerName } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import { applyRedaction } from '../redactions.ts'
import { deleteCurrentState, upsertCurrentState } from '../store-members.ts'
import type { Room, StateEntry, StoredEvent } from '../types.ts'
import type { PersistDeps } from './deps.ts'
import { writeMembership } from './memberships.ts'

/** An entry of the room's current state that has changed: what stands there now, and what stood there. */
export interface CurrentChange extends StateEntry {
  /** Undefined where nothing stands there any more. */
  readonly event: StoredEvent | undefined
  /** Needed where nothing stands there any more. */
  readonly before?: StoredEvent | undefined
  /** When it changed: the place of the event by which it did. */
  readonly streamPos: number
}

export interface FinishedBatch {
  /** With the new head. */
  readonly room: Room
  /** Those that may be shown. */
  readonly events: readonly StoredEvent[]
  /** Others, which are no news: they were fetched later. */
  readonly history?: readonly StoredEvent[]
  /** Sticky events that may not be shown yet. */
  readonly hidden?: readonly StoredEvent[]
  readonly changes: readonly CurrentChange[]
  /** Changes of the current state that have been written before. */
  readonly prepared?: readonly CurrentChange[]
  readonly outgoing: readonly StoredEvent[]
  /** Those that may do what they say; also older ones, which have waited for their target. */
  readonly redactions: readonly StoredEvent[]
  readonly namedServers?: readonly ServerName[]
  readonly isCompletion?: boolean
}

const manyChanges = 1000

/** Writes what follows from events that are written: the current state, memberships, and what hooks make of it. */
export async function finishBatch(deps: PersistDeps, tx: Tx, batch: FinishedBatch): Promise<void> {
  const { room, events, history = [], hidden = [], changes, prepared = [], outgoing, redactions } = batch
  const users = await writeCurrentState(deps, tx, room, changes)
  const redacted: StoredEvent[] = []
  for (const redaction of redactions) {
    const target = await applyRedaction(deps.events, tx, room, redaction)
    if (target !== undefined) redacted.push(target)
  }
  const all = [...prepared, ...changes]
  const currentChanges = all.flatMap(({ event }) => event ?? [])
  const removed = all.filter(({ event }) => event === undefined)
  const { namedServers = [], isCompletion = false } = batch
  const now = { room, events, history, hidden, currentChanges, removed, outgoing, redacted }
  const persisted = { ...now, namedServers, isCompletion }
  // With a large room that is entered each of them has much to look at.
  const pause = all.length > manyChanges ? createYielder() : undefined
  for (const hook of deps.hooks) {
    await hook(tx, persisted)
    await pause?.()
  }
  deps.streams.notify(tx, { rooms: [room.roomId], users })
}

/** Returns whose membership has changed. */
export async function writeCurrentState(
  deps: Pick<PersistDeps, 'serverName'>,
  tx: Tx,
  room: Pick<Room, 'nid'>,
  changes: readonly CurrentChange[],
): Promise<string[]> {
  const users: string[] = []
  for (const { type, stateKey, event, before, streamPos } of changes) {
    if (event === undefined) await deleteCurrentState(tx, { roomNid: room.nid, type, stateKey })
    else await upsertCurrentState(tx, { roomNid: room.nid, type, stateKey, eventNid: event.nid })
    const member = event ?? before
    if (type !== 'm.room.member' || !hasUserIdShape(stateKey) || member === undefined) continue
    await writeMembership(deps.serverName, tx, {
      roomNid: room.nid,
      userId: stateKey,
      event: member,
      streamPos,
      isGone: event === undefined,
    })
    users.push(stateKey)
  }
  return users
}
