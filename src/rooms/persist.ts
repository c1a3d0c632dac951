import type { Tx } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import { isActivity } from '../matrix/activity.ts'
import type { Pdu } from '../matrix/event.ts'
import { authEventIds } from '../matrix/event-references.ts'
import { hasUserIdShape, type RoomId, type ServerName, serverOf } from '../matrix/ids.ts'
import type { RoomVersionRules } from '../matrix/room-versions.ts'
import type { AlsoWrite } from './draft.ts'
import type { EventCache } from './event-cache.ts'
import type { DraftEvent } from './event-template.ts'
import { applyRedaction } from './redactions.ts'
import type { States } from './states.ts'
import { getNid, insertAuthEdge, insertEdge, insertEvent, updateStateNid } from './store-events.ts'
import { upsertCurrentState, upsertMembership } from './store-members.ts'
import { insertRelation, resolveRelation } from './store-relations.ts'
import { insertRoom, updateRoomHead } from './store-rooms.ts'
import type { Extremity, PersistHook, Room, StoredEvent } from './types.ts'

export interface PersistDeps {
  readonly streams: Streams
  readonly states: States
  readonly events: EventCache
  readonly serverName: ServerName
  readonly hooks: readonly PersistHook[]
}

/** Events of one room, each built on the one before, the first on the room's extremities. */
export interface EventChain {
  readonly room: Room | undefined
  readonly roomId: RoomId
  readonly rules: RoomVersionRules
  readonly events: readonly DraftEvent[]
  readonly works: readonly AlsoWrite[]
}

/** Writes a chain of events with everything that follows from them. */
export async function persistChain(deps: PersistDeps, tx: Tx, chain: EventChain): Promise<StoredEvent[]> {
  const last = await deps.streams.allocate(tx, chain.events.length)
  const first = last - chain.events.length + 1
  const roomNid = chain.room?.nid ?? (await insertRoom(tx, chain.roomId, chain.rules.version))
  let prevNids = (chain.room?.extremities ?? []).map(([nid]) => nid)
  let stateNid = chain.room?.stateNid
  let extremities: readonly Extremity[] = chain.room?.extremities ?? []
  const stored: StoredEvent[] = []
  for (const [index, event] of chain.events.entries()) {
    const row = await writeEvent(deps, tx, { event, roomNid, streamPos: first + index, beforeNid: stateNid })
    for (const nid of prevNids) await insertEdge(tx, row.nid, nid)
    prevNids = [row.nid]
    stateNid = row.stateNid
    extremities = [[row.nid, row.eventId, row.pdu.depth]]
    stored.push(row)
  }
  const bumpPos = stored.findLast(({ pdu }) => isActivity(pdu.type))?.streamPos ?? chain.room?.bumpPos ?? 0
  await updateRoomHead(tx, roomNid, { extremities, stateNid, lastPos: last, bumpPos })
  const room: Room = {
    nid: roomNid,
    roomId: chain.roomId,
    rules: chain.rules,
    extremities,
    stateNid,
    lastPos: last,
    bumpPos,
    isPublic: chain.room?.isPublic ?? false,
  }
  await finishBatch(deps, tx, room, stored)
  for (const work of chain.works) await work(tx, room)
  tx.afterCommit(() => {
    for (const event of stored) deps.events.remember(event)
  })
  return stored
}

interface NewEvent {
  readonly event: DraftEvent
  readonly roomNid: number
  readonly streamPos: number
  readonly beforeNid: number | undefined
}

async function writeEvent(deps: PersistDeps, tx: Tx, input: NewEvent): Promise<StoredEvent> {
  const { event, roomNid, streamPos, beforeNid } = input
  const { pdu, eventId, transaction } = event
  const relation = await resolveRelation(tx, roomNid, pdu)
  const nid = await insertEvent(tx, {
    event_id: eventId,
    room_nid: roomNid,
    stream_pos: streamPos,
    type: pdu.type,
    sender: pdu.sender,
    state_key: pdu.state_key ?? null,
    depth: pdu.depth,
    origin_server_ts: pdu.origin_server_ts,
    before_nid: beforeNid ?? null,
    state_nid: beforeNid ?? null,
    current_nid: null,
    status: 0,
    thread_id: relation?.threadId ?? null,
    txn_device: transaction?.deviceId ?? null,
    txn_id: transaction?.txnId ?? null,
    json: JSON.stringify(pdu),
  })
  if (relation !== undefined) await insertRelation(tx, { nid, roomNid, streamPos, pdu }, relation)
  const stateNid = await deriveState(deps, tx, { nid, roomNid, pdu, beforeNid })
  return {
    nid,
    eventId,
    roomNid,
    streamPos,
    beforeNid,
    stateNid,
    currentNid: undefined,
    status: 0,
    redactedBy: undefined,
    threadId: relation?.threadId,
    txnDevice: transaction?.deviceId,
    txnId: transaction?.txnId,
    pdu,
  }
}

/** A state event makes a state of its own; any other event leaves the room's state as it was. */
async function deriveState(
  deps: PersistDeps,
  tx: Tx,
  event: { nid: number; roomNid: number; pdu: Pdu; beforeNid: number | undefined },
): Promise<number | undefined> {
  const { nid, roomNid, pdu, beforeNid } = event
  if (pdu.state_key === undefined) return beforeNid
  for (const authId of new Set(authEventIds(pdu))) {
    const authNid = await getNid(tx, authId)
    if (authNid !== undefined) await insertAuthEdge(tx, nid, authNid)
  }
  const keyNid = await deps.states.requireKeyNid(tx, pdu.type, pdu.state_key)
  const stateNid = await deps.states.derive(tx, roomNid, beforeNid, new Map([[keyNid, nid]]))
  await updateStateNid(tx, nid, stateNid)
  return stateNid
}

async function finishBatch(deps: PersistDeps, tx: Tx, room: Room, events: readonly StoredEvent[]): Promise<void> {
  const currentChanges = new Map<string, StoredEvent>()
  for (const event of events) {
    if (event.pdu.state_key === undefined) continue
    currentChanges.set(`${event.pdu.type}\0${event.pdu.state_key}`, event)
  }
  const users: string[] = []
  for (const event of currentChanges.values()) {
    const { type, state_key: stateKey = '' } = event.pdu
    await upsertCurrentState(tx, { roomNid: room.nid, type, stateKey, eventNid: event.nid })
    if (type === 'm.room.member' && hasUserIdShape(stateKey)) {
      await writeMembership(deps, tx, room, event, stateKey)
      users.push(stateKey)
    }
  }
  const redacted: StoredEvent[] = []
  for (const event of events) {
    if (event.pdu.type !== 'm.room.redaction') continue
    const target = await applyRedaction(deps.events, tx, room, event)
    if (target !== undefined) redacted.push(target)
  }
  const batch = { room, events, currentChanges: [...currentChanges.values()], outgoing: events, redacted }
  for (const hook of deps.hooks) await hook(tx, batch)
  deps.streams.notify(tx, { rooms: [room.roomId], users })
}

const text = (value: unknown) => (typeof value === 'string' ? value : null)

async function writeMembership(
  deps: PersistDeps,
  tx: Tx,
  room: Room,
  event: StoredEvent,
  userId: Parameters<typeof serverOf>[0],
): Promise<void> {
  const { content, sender } = event.pdu
  await upsertMembership(tx, {
    room_nid: room.nid,
    user_id: userId,
    membership: text(content.membership) ?? 'leave',
    event_nid: event.nid,
    stream_pos: event.streamPos ?? 0,
    sender,
    display_name: text(content.displayname),
    avatar_url: text(content.avatar_url),
    is_local: serverOf(userId) === deps.serverName ? 1 : 0,
    forgotten: 0,
    stripped_state: null,
  })
}
