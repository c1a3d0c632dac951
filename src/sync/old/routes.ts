import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'
import { parseStreamToken } from '../../matrix/stream-token.ts'

const link = (anchor: string) => `https://spec.matrix.org/v1.19/client-server-api/#${anchor}`
const maxTimeout = 5 * 60_000
const limit = z
  .number()
  .int()
  .min(0)
  .default(10)
  .transform((n) => Math.min(n, 100))

function positionOf(token: string | undefined): number | undefined {
  if (token === undefined || token === '') return undefined
  const parsed = parseStreamToken(token)
  if (parsed === undefined) throw errors.invalidParam('from is not a token of this server')
  return parsed.position
}

/** Deprecated, but for looking into rooms that anybody may read. */
export function oldSyncRoutes({ oldSync, presence }: Pick<AppContext, 'oldSync' | 'presence'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/events',
        auth: 'user-or-guest',
        query: z.object({
          from: z.string().optional(),
          timeout: z.number().int().min(0).optional(),
          room_id: z.string().optional(),
        }),
        spec: link('peeking_get_matrixclientv3events'),
      },
      async ({ query, requester, recheck, signal }) => {
        // https://spec.matrix.org/v1.19/client-server-api/#guest-access
        if (requester.isGuest && !query.room_id) throw errors.guestAccessForbidden('Guests follow one room at a time')
        const disconnect = presence.connect(requester, 'online')
        try {
          return await oldSync.listen({
            audience: requester,
            from: positionOf(query.from),
            roomId: query.room_id || undefined,
            timeout: Math.min(query.timeout ?? 0, maxTimeout),
            endsTs: requester.endsTs,
            recheck,
            signal,
          })
        } finally {
          disconnect()
        }
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/events/{eventId}',
        auth: 'user',
        spec: link('get_matrixclientv3eventseventid'),
      },
      ({ params, requester }) => oldSync.event(requester, params.eventId),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/initialSync',
        auth: 'user',
        query: z.object({ limit, archived: z.boolean().default(false) }),
        spec: link('get_matrixclientv3initialsync'),
      },
      ({ query, requester }) => oldSync.initialSync(requester, query),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/rooms/{roomId}/initialSync',
        auth: 'user-or-guest',
        query: z.object({ limit }),
        spec: link('get_matrixclientv3roomsroomidinitialsync'),
      },
      ({ params, query, requester }) => oldSync.room(requester, params.roomId, query.limit),
    ),
  ]
}
