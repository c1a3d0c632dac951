import { z } from 'zod'
import type { JsonObject } from '../../matrix/event.ts'
import { isRoomId, isServerName, type RoomAlias, type RoomId, type ServerName, type UserId } from '../../matrix/ids.ts'
import { nullAsEmptyList } from '../../matrix/null-as-empty.ts'
import type { FederationTransport } from './ports.ts'

/** Questions that a person waits for. */
const timeoutMs = 10_000
/** A profile has no more than 64 KiB, a list of servers hardly as much. */
const smallBytes = 256 * 1024
/** Cards of rooms, each with a topic. */
const largeBytes = 4 * 1024 * 1024

/** An object whose members are looked at where they are used. */
const anyObject = z.record(z.string(), z.json())

const directoryAnswer = z.object({
  room_id: z.string().refine(isRoomId),
  servers: nullAsEmptyList(z.array(z.string())).default([]),
})

/** The room of an alias and servers through which it may be joined. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1querydirectory */
export async function queryDirectory(
  transport: FederationTransport,
  destination: ServerName,
  alias: RoomAlias,
): Promise<{ roomId: RoomId; servers: ServerName[] }> {
  const path = `/_matrix/federation/v1/query/directory?room_alias=${encodeURIComponent(alias)}`
  const answer = await transport.request({
    destination,
    method: 'GET',
    path,
    answer: directoryAnswer,
    timeoutMs,
    isAwaited: true,
    maxBytes: smallBytes,
  })
  return { roomId: answer.room_id, servers: answer.servers.filter(isServerName) }
}

/** The profile of a user of that server, or one field of it. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryprofile */
export function queryProfile(
  transport: FederationTransport,
  destination: ServerName,
  userId: UserId,
  field: string | undefined,
): Promise<JsonObject> {
  const query = new URLSearchParams({ user_id: userId, ...(field === undefined ? {} : { field }) })
  const path = `/_matrix/federation/v1/query/profile?${query}`
  return transport.request({ destination, method: 'GET', path, answer: anyObject, timeoutMs, maxBytes: smallBytes })
}

const roomCard = z
  .object({
    room_id: z.string(),
    num_joined_members: z.number().int(),
    world_readable: z.boolean(),
    guest_can_join: z.boolean(),
  })
  .catchall(z.json())

const publicRoomsAnswer = z.object({
  chunk: nullAsEmptyList(z.array(roomCard)),
  next_batch: z.string().optional(),
  prev_batch: z.string().optional(),
  total_room_count_estimate: z.number().int().optional(),
})

export type RemotePublicRooms = z.output<typeof publicRoomsAnswer>

/** A page of the room directory of another server. https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1publicrooms */
export function queryPublicRooms(
  transport: FederationTransport,
  destination: ServerName,
  body: JsonObject,
): Promise<RemotePublicRooms> {
  const path = '/_matrix/federation/v1/publicRooms'
  return transport.request({
    destination,
    method: 'POST',
    path,
    body,
    answer: publicRoomsAnswer,
    timeoutMs,
    isAwaited: true,
    maxBytes: largeBytes,
  })
}

const summary = roomCard.extend({
  room_type: z.string().optional(),
  join_rule: z.string().optional(),
  allowed_room_ids: nullAsEmptyList(z.array(z.string())).optional(),
})

const hierarchyAnswer = z.object({
  room: summary.extend({ children_state: nullAsEmptyList(z.array(anyObject)).default([]) }),
  children: nullAsEmptyList(z.array(summary)).default([]),
  inaccessible_children: nullAsEmptyList(z.array(z.string())).default([]),
})

export type RemoteSummary = z.output<typeof summary>
export type RemoteHierarchy = z.output<typeof hierarchyAnswer>

/** A space and its children, as far as this server may know of them. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1hierarchyroomid */
export function queryHierarchy(
  transport: FederationTransport,
  destination: ServerName,
  roomId: string,
  suggestedOnly: boolean,
): Promise<RemoteHierarchy> {
  const path = `/_matrix/federation/v1/hierarchy/${encodeURIComponent(roomId)}?suggested_only=${suggestedOnly}`
  return transport.request({
    destination,
    method: 'GET',
    path,
    answer: hierarchyAnswer,
    timeoutMs,
    maxBytes: largeBytes,
  })
}

const byTimeAnswer = z.object({ event_id: z.string(), origin_server_ts: z.number().int() })

/** The event next to a time (ms) that another server has. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1timestamp_to_eventroomid */
export function queryEventByTime(
  transport: FederationTransport,
  destination: ServerName,
  place: { readonly roomId: string; readonly ts: number; readonly dir: 'f' | 'b' },
): Promise<z.output<typeof byTimeAnswer>> {
  const query = new URLSearchParams({ ts: String(place.ts), dir: place.dir })
  const path = `/_matrix/federation/v1/timestamp_to_event/${encodeURIComponent(place.roomId)}?${query}`
  return transport.request({ destination, method: 'GET', path, answer: byTimeAnswer, timeoutMs, maxBytes: smallBytes })
}
