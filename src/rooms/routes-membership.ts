import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint, type Requester } from '../http/endpoint.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { RoomAddress } from './membership/membership.ts'
import { reason, reasonContent } from './route-parts.ts'

const via = z.object({ via: z.array(z.string()).optional(), server_name: z.array(z.string()).optional() })
const joinBody = reason.extend({ third_party_signed: z.record(z.string(), z.json()).nullish() })
const link = (anchor: string) => `https://spec.matrix.org/v1.19/client-server-api/#${anchor}`

function address(roomIdOrAlias: string, query: z.output<typeof via>) {
  return { roomIdOrAlias, via: query.via ?? query.server_name ?? [] }
}

/** Coming and going on one's own account. */
export function membershipRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  const { membership, addressInvites, aliases } = rooms

  async function join(requester: Requester, where: RoomAddress, body: z.output<typeof joinBody>) {
    const signed = body.third_party_signed
    if (signed) {
      const roomId = await aliases.requireRoomId(where.roomIdOrAlias)
      await addressInvites.redeem(requester.userId, roomId, signed as JsonObject)
    }
    return { room_id: await membership.join(requester, where, reasonContent(body)) }
  }

  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/join/{roomIdOrAlias}',
        auth: 'user-or-guest',
        limit: 'membership',
        query: via,
        body: joinBody,
        spec: link('post_matrixclientv3joinroomidoralias'),
      },
      ({ params, query, body, requester }) => join(requester, address(params.roomIdOrAlias, query), body),
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/rooms/{roomId}/join',
        auth: 'user-or-guest',
        limit: 'membership',
        query: via,
        body: joinBody,
        spec: link('post_matrixclientv3roomsroomidjoin'),
      },
      ({ params, query, body, requester }) => join(requester, address(params.roomId, query), body),
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/knock/{roomIdOrAlias}',
        auth: 'user',
        limit: 'membership',
        query: via,
        body: reason,
        spec: link('post_matrixclientv3knockroomidoralias'),
      },
      async ({ params, query, body, requester }) => ({
        room_id: await membership.knock(requester, address(params.roomIdOrAlias, query), reasonContent(body)),
      }),
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/rooms/{roomId}/leave',
        auth: 'user-or-guest',
        limit: 'membership',
        body: reason,
        spec: link('post_matrixclientv3roomsroomidleave'),
      },
      async ({ params, body, requester }) => {
        await membership.leave(requester, params.roomId, reasonContent(body))
        return {}
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/rooms/{roomId}/forget',
        auth: 'user',
        limit: 'membership',
        spec: link('post_matrixclientv3roomsroomidforget'),
      },
      async ({ params, requester }) => {
        await membership.forget(requester, params.roomId)
        return {}
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/joined_rooms',
        auth: 'user',
        spec: link('get_matrixclientv3joined_rooms'),
      },
      async ({ requester }) => ({ joined_rooms: await membership.listJoinedRooms(requester.userId) }),
    ),
  ]
}
