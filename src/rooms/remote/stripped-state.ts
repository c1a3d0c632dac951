import type { Reader } from '../../db/database.ts'
import type { Keyring } from '../../federation/client/ports.ts'
import { isJsonObject } from '../../matrix/auth-state.ts'
import type { Json, JsonObject, Pdu } from '../../matrix/event.ts'
import { maxEventBytes } from '../../matrix/event-size.ts'
import { hasUserIdShape, type RoomId, type ServerName, serverOf } from '../../matrix/ids.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import { readPdu } from '../ingest/read-pdu.ts'
import { verifyEvents } from '../ingest/verify.ts'
import type { RoomView } from '../room-view.ts'
import type { Room } from '../types.ts'

/** https://spec.matrix.org/v1.19/client-server-api/#stripped-state */
const toldTypes = [
  'm.room.create',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.encryption',
]

/** What somebody on another server learns of a room with an invitation, or by knocking: whole events, so that they can be checked. */
export async function listToldState(reader: Reader, view: RoomView, room: Room, inviter?: string): Promise<Pdu[]> {
  const keys: [string, string][] = toldTypes.map((type) => [type, ''])
  if (inviter !== undefined) keys.push(['m.room.member', inviter])
  const told: Pdu[] = []
  for (const [type, stateKey] of keys) {
    const event = await view.entry(reader, room.stateNid, type, stateKey)
    if (event !== undefined) told.push(event.pdu)
  }
  return told
}

export interface ToldState {
  /** As clients get it. */
  readonly events: readonly JsonObject[]
  /** Why it is not what the room version asks for; undefined where nothing is wrong. */
  readonly fault: string | undefined
}

/** More is not looked at: the types are few, but servers may add some. */
const mostEvents = 50
const mostServers = 8

/**
 * What another server tells of a room. Since room version 12 it is whole events: those that are not signed, or not of
 * that room, are left out, and the create event, whose hash is the room's id, must be among them.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid
 */
export async function readToldState(
  keyring: Keyring,
  rules: RoomVersionRules,
  roomId: RoomId,
  given: readonly Json[],
): Promise<ToldState> {
  const some = given.slice(0, mostEvents)
  const events = rules.roomIdIsCreateHash ? await verified(keyring, rules, roomId, some) : some.filter(isJsonObject)
  const byKey = new Map<string, JsonObject>()
  for (const event of events) {
    const stripped = strip(event)
    const isOfRoom = event.room_id === undefined || event.room_id === roomId
    if (stripped !== undefined && isOfRoom && isSmall(stripped))
      byKey.set(`${stripped.type} ${stripped.state_key}`, stripped)
  }
  const hasCreate = byKey.has('m.room.create ')
  return {
    events: [...byKey.values()],
    fault: rules.roomIdIsCreateHash ? faultOf(hasCreate, events.length < some.length) : undefined,
  }
}

function faultOf(hasCreate: boolean, isPart: boolean): string | undefined {
  if (!hasCreate) return 'The state of the room has no valid m.room.create'
  return isPart ? 'The state of the room has events that are not valid' : undefined
}

const isSmall = (event: JsonObject) => JSON.stringify(event).length <= maxEventBytes

async function verified(
  keyring: Keyring,
  rules: RoomVersionRules,
  roomId: RoomId,
  given: readonly Json[],
): Promise<JsonObject[]> {
  const servers = new Set<ServerName>()
  const events = given.flatMap((value) => {
    const read = readPdu(value, rules, roomId)
    if (!read.ok) return []
    const server = serverOf(read.event.pdu.sender)
    // The keys of each may have to be fetched.
    if (servers.size >= mostServers && !servers.has(server)) return []
    servers.add(server)
    return [read.event]
  })
  const usable = await verifyEvents(keyring, rules, events)
  // A PDU holds nothing but JSON.
  return usable.flatMap((event) => event?.pdu ?? []) as unknown as JsonObject[]
}

function strip({
  type,
  state_key: stateKey,
  content,
  sender,
  origin_server_ts: ts,
}: JsonObject): JsonObject | undefined {
  if (typeof type !== 'string' || typeof stateKey !== 'string' || !isJsonObject(content)) return undefined
  if (typeof sender !== 'string' || !hasUserIdShape(sender)) return undefined
  const isCreate = type === 'm.room.create' && typeof ts === 'number'
  return { type, state_key: stateKey, content, sender, ...(isCreate ? { origin_server_ts: ts } : {}) }
}
