import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import type { JsonObject } from '../../matrix/event.ts'

const invite = z.object({ room_id: z.string(), sender: z.string().optional(), signed: z.record(z.string(), z.json()) })

/** How identity servers tell that somebody here has an address to which invitations went. The signatures in it say who asks. */
export function onBindRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/federation/v1/3pid/onbind',
        auth: 'none',
        limit: 'general',
        body: z.object({ mxid: z.string(), invites: z.array(invite).max(100).default([]) }),
        spec: 'https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv13pidonbind',
      },
      async ({ body: { mxid, invites } }) => {
        await rooms.addressInvites.bound(
          mxid,
          invites.map(({ room_id: roomId, sender, signed }) => ({ roomId, sender, signed: signed as JsonObject })),
        )
        return {}
      },
    ),
  ]
}
