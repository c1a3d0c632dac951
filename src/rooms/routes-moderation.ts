import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint, type LimitClass } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import type { Membership } from './membership/membership.ts'
import { reasonContent, text } from './route-parts.ts'
import { noIdentityServer } from './routes-create.ts'

const inviteBody = z.object({ user_id: text, reason: text, id_server: text, medium: text, address: text })
const targetBody = z.object({ user_id: z.string(), reason: text })
const link = (action: string) =>
  `https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomid${action}`

type Action = 'kick' | 'ban' | 'unban'

function moderate(membership: Membership, action: Action, limit?: LimitClass): Endpoint {
  return endpoint(
    {
      method: 'POST',
      path: `/_matrix/client/v3/rooms/{roomId}/${action}`,
      auth: 'user',
      ...(limit === undefined ? {} : { limit }),
      body: targetBody,
      spec: link(action),
    },
    async ({ params, body, requester }) => {
      await membership[action](requester, params.roomId, body.user_id, reasonContent(body))
      return {}
    },
  )
}

/** What members do to others. */
export function moderationRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  const { membership } = rooms
  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/rooms/{roomId}/invite',
        auth: 'user',
        limit: 'membership',
        body: inviteBody,
        spec: link('invite'),
      },
      async ({ params, body, requester }) => {
        const { user_id: target } = body
        if (target === undefined || target === null) {
          throw body.medium || body.address || body.id_server
            ? noIdentityServer()
            : errors.missingParam('Missing key user_id')
        }
        await membership.invite(requester, params.roomId, target, reasonContent(body))
        return {}
      },
    ),
    moderate(membership, 'kick'),
    moderate(membership, 'ban'),
    moderate(membership, 'unban'),
  ]
}
