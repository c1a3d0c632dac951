import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { writeSubscriptionChanges } from './relations/subscription-wire.ts'
import { positionOf, text, tokenOf } from './route-parts.ts'

const path = '/_matrix/client/unstable/io.element.msc4306/rooms/{roomId}/thread/{eventId}/subscription'
const spec = 'https://github.com/matrix-org/matrix-spec-proposals/pull/4306'
const maxLimit = 500

/** Which threads a user follows. */
export function threadSubscriptionRoutes({ db, rooms }: Pick<AppContext, 'db' | 'rooms'>): Endpoint[] {
  const { threadSubscriptions: subscriptions } = rooms
  return [
    endpoint(
      { method: 'GET', path, auth: 'user', limit: 'general', spec },
      ({ params: { roomId, eventId }, requester }) => subscriptions.get(requester.userId, roomId, eventId),
    ),
    endpoint(
      { method: 'PUT', path, auth: 'user', limit: 'general', body: z.object({ automatic: text }), spec },
      async ({ params: { roomId, eventId }, body, requester }) => {
        await subscriptions.subscribe(requester.userId, roomId, eventId, body.automatic ?? undefined)
        return {}
      },
    ),
    endpoint(
      { method: 'DELETE', path, auth: 'user', limit: 'general', spec },
      async ({ params: { roomId, eventId }, requester }) => {
        await subscriptions.unsubscribe(requester.userId, roomId, eventId)
        return {}
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/unstable/io.element.msc4308/thread_subscriptions',
        auth: 'user',
        limit: 'general',
        query: z.object({
          dir: z.literal('b'),
          from: z.string().optional(),
          to: z.string().optional(),
          limit: z.number().int().min(1).default(100),
        }),
        spec: 'https://github.com/matrix-org/matrix-spec-proposals/pull/4308',
      },
      async ({ query, requester }) => {
        const range = {
          userId: requester.userId,
          after: positionOf(query.to) ?? 0,
          upTo: positionOf(query.from) ?? Number.MAX_SAFE_INTEGER,
          limit: Math.min(query.limit, maxLimit),
        }
        const { changes, next } = await db.read((reader) => subscriptions.changes(reader, range))
        return { ...writeSubscriptionChanges(changes), ...(next === undefined ? {} : { end: tokenOf(next) }) }
      },
    ),
  ]
}
