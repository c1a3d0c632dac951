import { z } from 'zod'
import type { AppContext } from '../../../context.ts'
import { type Endpoint, endpoint } from '../../../http/endpoint.ts'
import { errors } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/event.ts'

const body = z.object({
  type: z.literal('m.room.member'),
  room_id: z.string(),
  sender: z.string(),
  state_key: z.string(),
  content: z.object({
    membership: z.literal('invite'),
    third_party_invite: z.object({ signed: z.record(z.string(), z.json()) }),
  }),
})

/** How the server of somebody who was invited by address has that made an invitation of theirs. */
export function exchangeRoutes({ rooms, db }: Pick<AppContext, 'rooms' | 'db'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/federation/v1/exchange_third_party_invite/{roomId}',
        auth: 'server',
        body,
        spec: 'https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1exchange_third_party_inviteroomid',
      },
      async ({ params: { roomId }, body: event, origin }) => {
        if (event.room_id !== roomId) throw errors.invalidParam('The event is for another room')
        if ((await rooms.localMembers.of(roomId)).size === 0)
          throw errors.notFound('This server does not know that room')
        const isAllowed = await db.read(async (reader) => {
          const room = await rooms.reads.roomById(reader, roomId)
          return room !== undefined && rooms.history.isAllowed(reader, room, origin)
        })
        if (!isAllowed) throw errors.forbidden('The room keeps your server out')
        const { signed } = event.content.third_party_invite
        await rooms.addressInvites.exchange(roomId, event.state_key, signed as JsonObject)
        return {}
      },
    ),
  ]
}
