import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'
import { isUserId } from '../../matrix/ids.ts'

const path = '/_matrix/client/v3/presence/{userId}/status'
const link = (anchor: string) => `https://spec.matrix.org/v1.19/client-server-api/#${anchor}`
const maxStatusLength = 1000

/** Who is there. */
export function presenceRoutes({ presence }: Pick<AppContext, 'presence'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'PUT',
        path,
        auth: 'user',
        limit: 'general',
        body: z.object({
          presence: z.enum(['online', 'unavailable', 'offline']),
          status_msg: z.string().max(maxStatusLength).nullish(),
        }),
        spec: link('put_matrixclientv3presenceuseridstatus'),
      },
      async ({ params, body, requester }) => {
        if (params.userId !== requester.userId) throw errors.forbidden('Users say only of themselves how they are')
        await presence.set(requester, body.presence, body.status_msg || undefined)
        return {}
      },
    ),
    endpoint(
      {
        method: 'GET',
        path,
        auth: 'user',
        limit: 'lookup',
        spec: link('get_matrixclientv3presenceuseridstatus'),
      },
      ({ params, requester }) => {
        if (!isUserId(params.userId)) throw errors.invalidParam('Wrong path parameter userId: not a user id')
        return presence.get(requester.userId, params.userId)
      },
    ),
  ]
}
