import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint, type LimitClass } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import type { Membership } from './membership/membership.ts'
import { redactFlag } from './membership/redact-removed.ts'
import { reasonContent, text } from './route-parts.ts'
import { inviteBody, toAddressInvite } from './third-party/invite-body.ts'

const targetBody = z.object({ user_id: z.string(), reason: text, [redactFlag]: z.boolean().nullish() })
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
      const redacts = action !== 'unban' && body[redactFlag] === true
      const content = { ...reasonContent(body), ...(redacts && { [redactFlag]: true }) }
      await membership[action](requester, params.roomId, body.user_id, content)
      return {}
    },
  )
}

/** What members do to others. */
export function moderationRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  const { membership, addressInvites } = rooms
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
        if (typeof target === 'string') {
          await membership.invite(requester, params.roomId, target, reasonContent(body))
        } else if (body.medium || body.address) {
          await addressInvites.invite(requester, params.roomId, toAddressInvite(body), reasonContent(body))
        } else {
          throw errors.missingParam('Missing key user_id')
        }
        return {}
      },
    ),
    moderate(membership, 'kick'),
    moderate(membership, 'ban'),
    moderate(membership, 'unban'),
  ]
}
