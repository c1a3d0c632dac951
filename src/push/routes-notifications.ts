import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { audienceOf, positionOf, tokenOf } from '../rooms/route-parts.ts'

const maxLimit = 100

/** What the requester was notified of. */
export function notificationRoutes({ push }: Pick<AppContext, 'push'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/notifications',
        auth: 'user',
        query: z.object({
          from: z.string().optional(),
          limit: z.number().int().optional(),
          only: z.string().optional(),
        }),
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3notifications',
      },
      async ({ requester, query }) => {
        const { notifications, next } = await push.notifications(audienceOf(requester), {
          from: positionOf(query.from),
          limit: Math.min(Math.max(query.limit ?? 20, 1), maxLimit),
          onlyHighlights: query.only === 'highlight',
        })
        return { notifications, ...(next === undefined ? {} : { next_token: tokenOf(next) }) }
      },
    ),
  ]
}
