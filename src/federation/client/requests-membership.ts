/** Requests about coming to, and going from, rooms of other servers: https://spec.matrix.org/v1.19/server-server-api/#joining-rooms */
import { z } from 'zod'
import { isJsonObject } from '../../matrix/auth-state.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { Json, JsonObject } from '../../matrix/event.ts'
import { isServerName, type ServerName } from '../../matrix/ids.ts'
import type { JsonFault } from '../../matrix/json-parse.ts'
import { nullAsEmptyList } from '../../matrix/null-as-empty.ts'
import { roomVersions } from '../../matrix/room-versions.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { SafeResponse } from '../../util/safe-response.ts'
import { type ListedObject, readListedObject } from './list-reader.ts'
import type { FederationRequest, FederationTransport } from './ports.ts'

type Target = Pick<FederationRequest, 'destination' | 'signal' | 'timeoutMs' | 'isAwaited'>

/** What a template is made for. */
export type TemplateAction = 'join' | 'leave' | 'knock'

/** An event that was built by the other server or is to be sent to it, and the place where it belongs. */
interface Placed {
  readonly roomId: string
  readonly eventId: string
}

/** Answers hold nothing but JSON, and big ones are not walked through for that. */
const json = z.custom<Json>()
const object = z.custom<JsonObject>((value) => isJsonObject(value as Json))
const template = z.object({ room_version: z.string().optional(), event: object })
const joined = z.looseObject({
  event: object.nullish(),
  members_omitted: z.boolean().nullish(),
  servers_in_room: z.array(z.string()).nullish(),
})

const encode = encodeURIComponent
/** The state of the largest public rooms takes some 60 MiB. */
const maxStateBytes = 256 * 1024 * 1024
const stateTimeoutMs = 180_000
/** An event has no more than 64 KiB. */
const maxEventBytes = 256 * 1024

/** An unsigned member event of a user of ours, as the other server would take it. */
export async function requestTemplate(
  transport: FederationTransport,
  action: TemplateAction,
  { roomId, userId, ...target }: Target & { readonly roomId: string; readonly userId: string },
): Promise<{ roomVersion: string | undefined; event: JsonObject }> {
  const versions = roomVersions.map((version) => `ver=${encode(version)}`).join('&')
  const query = action === 'leave' ? '' : `?${versions}`
  const answer = await transport.request({
    ...target,
    method: 'GET',
    path: `/_matrix/federation/v1/make_${action}/${encode(roomId)}/${encode(userId)}${query}`,
    maxBytes: maxEventBytes,
    answer: template,
  })
  return { roomVersion: answer.room_version, event: answer.event }
}

/** How large a room is: https://github.com/matrix-org/synapse/blob/develop/docs/usage/configuration/config_documentation.md#limit_remote_rooms */
export async function requestComplexity(
  transport: FederationTransport,
  { roomId, ...target }: Target & { readonly roomId: string },
): Promise<number> {
  const answer = await transport.request({
    ...target,
    method: 'GET',
    path: `/_matrix/federation/unstable/rooms/${encode(roomId)}/complexity`,
    maxBytes: maxEventBytes,
    answer: z.object({ v1: z.number() }),
  })
  return answer.v1
}

export interface JoinAnswer {
  readonly state: readonly Json[]
  readonly authChain: readonly Json[]
  /** Our event as the other server passes it on. */
  readonly event: JsonObject | undefined
  readonly membersOmitted: boolean
  /** Where members were left out. */
  readonly servers: readonly ServerName[]
  /** Where the answer is not canonical JSON: `path` begins with `state` or `auth_chain` and an index. */
  readonly faults: readonly JsonFault[]
}

/** `omitMembers`: members may be left out of the state. */
export async function sendJoin(
  transport: FederationTransport,
  {
    roomId,
    eventId,
    body,
    omitMembers,
    ...target
  }: Target & Placed & { readonly body: JsonObject; readonly omitMembers: boolean },
): Promise<JoinAnswer> {
  const response = await transport.stream({
    timeoutMs: stateTimeoutMs,
    ...target,
    method: 'PUT',
    path: `/_matrix/federation/v2/send_join/${encode(roomId)}/${encode(eventId)}?omit_members=${omitMembers}`,
    body,
    maxBytes: maxStateBytes,
  })
  const { rest, lists, faults } = await readLists(target.destination, response)
  const answer = joined.safeParse(rest)
  const [state, authChain] = [lists.get('state'), lists.get('auth_chain')]
  if (!answer.success || state === undefined || authChain === undefined) {
    throw new FetchError('bad_answer', `${target.destination} answered a join with what is no state of a room`)
  }
  const { event, members_omitted: membersOmitted, servers_in_room: servers } = answer.data
  return {
    state,
    authChain,
    event: event ?? undefined,
    membersOmitted: membersOmitted ?? false,
    servers: servers?.filter(isServerName) ?? [],
    faults,
  }
}

async function readLists(server: ServerName, response: SafeResponse): Promise<ListedObject> {
  try {
    return await readListedObject(response.body, new Set(['state', 'auth_chain']))
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error
    response.discard()
    throw new FetchError('bad_answer', `${server} answered a join with what is no JSON`, error)
  }
}

export async function sendLeave(
  transport: FederationTransport,
  { roomId, eventId, body, ...target }: Target & Placed & { readonly body: JsonObject },
): Promise<void> {
  await transport.request({
    ...target,
    method: 'PUT',
    path: `/_matrix/federation/v2/send_leave/${encode(roomId)}/${encode(eventId)}`,
    body,
    answer: z.unknown(),
  })
}

/** What the other server tells of the room. */
export async function sendKnock(
  transport: FederationTransport,
  { roomId, eventId, body, ...target }: Target & Placed & { readonly body: JsonObject },
): Promise<readonly Json[]> {
  const answer = await transport.request({
    ...target,
    method: 'PUT',
    path: `/_matrix/federation/v1/send_knock/${encode(roomId)}/${encode(eventId)}`,
    body,
    answer: z.object({ knock_room_state: nullAsEmptyList(z.array(json)).default([]) }),
  })
  return answer.knock_room_state
}

/** The invitation with the other server's signature. */
export async function sendInvite(
  transport: FederationTransport,
  {
    roomId,
    eventId,
    roomVersion,
    event,
    roomState,
    ...target
  }: Target &
    Placed & { readonly roomVersion: string; readonly event: JsonObject; readonly roomState: readonly JsonObject[] },
): Promise<JsonObject> {
  const answer = await transport.request({
    ...target,
    method: 'PUT',
    path: `/_matrix/federation/v2/invite/${encode(roomId)}/${encode(eventId)}`,
    body: { room_version: roomVersion, event, invite_room_state: [...roomState] },
    answer: z.object({ event: object }),
  })
  return answer.event
}

/** The same for servers that know only room versions 1 and 2. */
export async function sendOldInvite(
  transport: FederationTransport,
  {
    roomId,
    eventId,
    event,
    roomState,
    ...target
  }: Target & Placed & { readonly event: JsonObject; readonly roomState: readonly JsonObject[] },
): Promise<JsonObject> {
  const unsigned = { invite_room_state: [...roomState] }
  const [, answer] = await transport.request({
    ...target,
    method: 'PUT',
    path: `/_matrix/federation/v1/invite/${encode(roomId)}/${encode(eventId)}`,
    body: { ...event, unsigned },
    answer: z.tuple([z.literal(200), z.object({ event: object })]),
  })
  return answer.event
}

/** Has the server of somebody who invited an address turn that into an invitation of the user who owns it. */
export async function exchangeInvite(
  transport: FederationTransport,
  { roomId, body, ...target }: Target & { readonly roomId: string; readonly body: JsonObject },
): Promise<void> {
  await transport.request({
    ...target,
    method: 'PUT',
    path: `/_matrix/federation/v1/exchange_third_party_invite/${encode(roomId)}`,
    body,
    answer: z.unknown(),
  })
}
