import type { Reader } from '../../db/database.ts'
import type { Keyring } from '../../federation/client/ports.ts'
import { isJsonObject } from '../../matrix/auth-state.ts'
import type { IdentifiedPdu, Json, JsonObject, Pdu } from '../../matrix/event.ts'
import { maxEventBytes } from '../../matrix/event-size.ts'
import { hasUserIdShape, type RoomId, type ServerName, serverOf } from '../../matrix/ids.ts'
import { redact } from '../../matrix/redact.ts'
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

/** Who tells something of which room. */
export interface Teller {
  readonly server: ServerName
  readonly roomId: RoomId
  readonly rules: RoomVersionRules
}

/**
 * What another server tells of a room. Since room version 12 it is whole events: those that are not signed, or not of
 * that room, are left out, and the create event must be among them. That one is known by its hash, which is the room's
 * id. Signatures of servers that have gone since cannot be checked, which is no fault of the one that tells.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid
 */
export async function readToldState(keyring: Keyring, teller: Teller, given: readonly Json[]): Promise<ToldState> {
  const { rules, roomId } = teller
  const some = given.slice(0, mostEvents)
  const { events, isWrong } = rules.roomIdIsCreateHash
    ? await verified(keyring, teller, some)
    : { events: some.filter(isJsonObject), isWrong: false }
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
    fault: rules.roomIdIsCreateHash ? faultOf(hasCreate, isWrong) : undefined,
  }
}

function faultOf(hasCreate: boolean, isWrong: boolean): string | undefined {
  if (!hasCreate) return 'The state of the room has no valid m.room.create'
  return isWrong ? 'The state of the room has events that are not valid' : undefined
}

const isSmall = (event: JsonObject) => JSON.stringify(event).length <= maxEventBytes

async function verified(
  keyring: Keyring,
  { server: teller, rules, roomId }: Teller,
  given: readonly Json[],
): Promise<{ events: JsonObject[]; isWrong: boolean }> {
  const readings = given.map((value) => readPdu(value, rules, roomId))
  const servers = new Set<ServerName>()
  const read = readings.flatMap(({ event, ok }) => {
    const server = event && ok ? serverOf(event.pdu.sender) : undefined
    // The keys of each may have to be fetched.
    if (event === undefined || server === undefined || (servers.size >= mostServers && !servers.has(server))) return []
    servers.add(server)
    return [event]
  })
  const usable = await verifyEvents(keyring, rules, read)
  const isUnsigned = (event: IdentifiedPdu, index: number) =>
    usable[index] === undefined && serverOf(event.pdu.sender) === teller
  const events = read.flatMap((event, index) => {
    const isKnownByHash = event.pdu.type === 'm.room.create' && !isUnsigned(event, index)
    return usable[index]?.pdu ?? (isKnownByHash ? redact(event.pdu, rules) : [])
  })
  // A PDU holds nothing but JSON.
  return { events: events as unknown as JsonObject[], isWrong: readings.some(({ ok }) => !ok) || read.some(isUnsigned) }
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
