import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { isUserId, type UserId } from '../matrix/ids.ts'
import type { CreateRoomRequest } from './creation/request.ts'
import { text } from './route-parts.ts'
import { inviteBody, toAddressInvite } from './third-party/invite-body.ts'

const object = z.record(z.string(), z.json())

const createBody = z.object({
  visibility: z.enum(['public', 'private']).nullish(),
  room_alias_name: text,
  name: text,
  topic: text,
  invite: z.array(z.string()).nullish(),
  invite_3pid: z.array(inviteBody).nullish(),
  room_version: text,
  creation_content: object.nullish(),
  initial_state: z.array(z.object({ type: z.string(), state_key: text, content: object })).nullish(),
  preset: z.enum(['private_chat', 'public_chat', 'trusted_private_chat']).nullish(),
  is_direct: z.boolean().nullish(),
  power_level_content_override: object.nullish(),
})

const upgradeBody = z.object({ new_version: z.string(), additional_creators: z.array(z.string()).nullish() })

function requireUserIds(values: readonly string[]): UserId[] {
  return values.map((value) => {
    if (!isUserId(value)) throw errors.invalidParam(`${value} is not a user id`)
    return value
  })
}

function toCreateRoomRequest(body: z.output<typeof createBody>): CreateRoomRequest {
  limitEvents(body)
  return {
    visibility: body.visibility ?? undefined,
    aliasName: body.room_alias_name ?? undefined,
    name: body.name ?? undefined,
    topic: body.topic ?? undefined,
    invite: requireUserIds(body.invite ?? []),
    addressInvites: (body.invite_3pid ?? []).map(toAddressInvite),
    roomVersion: body.room_version ?? undefined,
    creationContent: (body.creation_content as JsonObject | null | undefined) ?? undefined,
    initialState: (body.initial_state ?? []).map(({ type, state_key: stateKey, content }) => ({
      type,
      stateKey: stateKey ?? '',
      content,
    })),
    preset: body.preset ?? undefined,
    isDirect: body.is_direct ?? undefined,
    powerLevels: body.power_level_content_override ?? undefined,
  }
}

/** Each of them is an event to be signed, checked and written before anybody else gets their turn. */
const maxEvents = 1000
/** Each of them is asked about at an identity server. */
const maxAddresses = 20

function limitEvents({ initial_state: state, invite, invite_3pid: addresses }: z.output<typeof createBody>): void {
  if ((addresses?.length ?? 0) > maxAddresses) {
    throw errors.tooLarge(`A new room can have ${maxAddresses} invitations by address`)
  }
  if ((state?.length ?? 0) + (invite?.length ?? 0) <= maxEvents) return
  throw errors.tooLarge(`A new room can have ${maxEvents} state events and invitations`)
}

/** Making rooms, and replacing them by newer ones. */
export function roomCreationRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/createRoom',
        auth: 'user',
        limit: 'membership',
        body: createBody,
        strictNumbers: true,
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom',
      },
      async ({ body, requester }) => ({ room_id: await rooms.create(requester, toCreateRoomRequest(body)) }),
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/rooms/{roomId}/upgrade',
        auth: 'user',
        limit: 'membership',
        body: upgradeBody,
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidupgrade',
      },
      async ({ params, body, requester }) => {
        const { new_version: version, additional_creators: creators } = body
        return { replacement_room: await rooms.upgrade(requester, params.roomId, version, creators ?? []) }
      },
    ),
  ]
}
