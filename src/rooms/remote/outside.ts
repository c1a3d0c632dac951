import type { Tx } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import { stringOf } from '../../matrix/content.ts'
import { errors } from '../../matrix/errors.ts'
import type { IdentifiedPdu, JsonObject } from '../../matrix/event.ts'
import { hasUserIdShape, type RoomId, type ServerName, serverOf } from '../../matrix/ids.ts'
import { avatarUrlOf, displayNameOf } from '../../matrix/member-content.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import type { EventCache } from '../event-cache.ts'
import type { States } from '../states.ts'
import { getEventById, insertEvent } from '../store-events.ts'
import { getMembership, upsertMembership } from '../store-members.ts'
import { getRoom, insertRoom } from '../store-rooms.ts'
import type { PersistHook, Room, StoredEvent } from '../types.ts'
import { updateVersion } from './store-remote.ts'

export interface OutsideDeps {
  readonly streams: Streams
  readonly states: States
  readonly events: EventCache
  readonly serverName: ServerName
  readonly hooks: readonly PersistHook[]
}

/** A member event of a user of ours in a room that this server is not in: an invitation, a knock, or the end of one. */
export interface OutsideEvent {
  readonly roomId: RoomId
  readonly rules: RoomVersionRules
  readonly event: IdentifiedPdu
  /** What is known of the room, as clients get it. */
  readonly told: readonly JsonObject[]
}

/**
 * Writes such an event. It stands in the stream, so that the user learns of it, but is no part of a room's history as we
 * know it: that begins with a join. Throws `400` where the room is known to be of another version.
 */
export async function persistOutside(deps: OutsideDeps, tx: Tx, outside: OutsideEvent): Promise<StoredEvent> {
  const { pdu, eventId } = outside.event
  const userId = pdu.state_key ?? ''
  const room = await requireRow(tx, outside)
  const row = await getMembership(tx, room.nid, userId)
  const known = await getEventById(tx, eventId)
  if (known !== undefined && known.roomNid !== room.nid) throw errors.invalidParam('The event is of another room')
  if (known !== undefined && row?.event_nid === known.nid) return known
  const streamPos = await deps.streams.allocate(tx, 1)
  const event = known ?? (await writeEvent(deps, tx, { room, outside, streamPos, lastNid: row?.event_nid }))
  await upsertMembership(tx, {
    room_nid: room.nid,
    user_id: userId,
    membership: stringOf(pdu, 'membership') ?? 'leave',
    event_nid: event.nid,
    stream_pos: streamPos,
    sender: pdu.sender,
    display_name: displayNameOf(pdu) ?? null,
    avatar_url: avatarUrlOf(pdu) ?? null,
    is_local: hasUserIdShape(userId) && serverOf(userId) === deps.serverName ? 1 : 0,
    forgotten: 0,
    stripped_state: JSON.stringify(outside.told),
  })
  // What comes again has been counted.
  const events = known === undefined ? [event] : []
  const batch = { room, events, history: [], currentChanges: [event], outgoing: [], removed: [], redacted: [] }
  for (const hook of deps.hooks) await hook(tx, batch)
  deps.streams.notify(tx, { rooms: [room.roomId], users: [userId] })
  tx.afterCommit(() => deps.events.remember(event))
  return event
}

async function requireRow(tx: Tx, { roomId, rules }: OutsideEvent): Promise<Room> {
  const room = await getRoom(tx, roomId)
  if (room === undefined) {
    await insertRoom(tx, roomId, rules.version)
  } else if (!isSameVersion(room.rules, rules)) {
    if (room.stateNid !== undefined) throw errors.invalidParam(`The room has version ${room.rules.version}`)
    // Nobody has shown yet which one it is.
    await updateVersion(tx, room.nid, rules.version)
  }
  const stored = await getRoom(tx, roomId)
  if (stored === undefined) throw new Error('the room was not inserted')
  return stored
}

/** Old servers invite without saying which of the first two versions it is. */
function isSameVersion(a: RoomVersionRules, b: RoomVersionRules): boolean {
  return a.version === b.version || (a.eventIdFormat === 'v1' && b.eventIdFormat === 'v1')
}

interface NewEvent {
  readonly room: Room
  readonly outside: OutsideEvent
  readonly streamPos: number
  /** The member event until now. */
  readonly lastNid: number | undefined
}

/**
 * Where the event stands among the room's others is not known, so it has no state after it. The one before it only tells
 * what the user's membership was.
 */
async function writeEvent(deps: OutsideDeps, tx: Tx, input: NewEvent): Promise<StoredEvent> {
  const { room, outside, streamPos, lastNid } = input
  const { pdu, eventId } = outside.event
  const keyNid = await deps.states.requireKeyNid(tx, pdu.type, pdu.state_key ?? '')
  const beforeNid =
    lastNid === undefined
      ? room.stateNid
      : await deps.states.derive(tx, room.nid, room.stateNid, new Map([[keyNid, lastNid]]))
  const nid = await insertEvent(tx, {
    event_id: eventId,
    room_nid: room.nid,
    stream_pos: streamPos,
    type: pdu.type,
    sender: pdu.sender,
    state_key: pdu.state_key ?? null,
    depth: pdu.depth,
    origin_server_ts: pdu.origin_server_ts,
    before_nid: beforeNid ?? null,
    state_nid: null,
    current_nid: null,
    status: 0,
    thread_id: null,
    txn_device: null,
    txn_id: null,
    delay_id: null,
    json: JSON.stringify(pdu),
  })
  return {
    nid,
    eventId,
    roomNid: room.nid,
    streamPos,
    beforeNid,
    stateNid: undefined,
    currentNid: undefined,
    status: 0,
    redactedBy: undefined,
    threadId: undefined,
    txnDevice: undefined,
    txnId: undefined,
    delayId: undefined,
    pdu,
  }
}
