import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'

const defaultPage = 50
const maxPage = 100
const defaultUsers = 10
const unstableSummary = '/_matrix/client/unstable/im.nheko.summary'
const unstableMutualRooms = '/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms'

/** Previews of rooms, the trees of spaces, and ways to find places, people and common rooms. */
export function discoveryRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  const { discovery } = rooms
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v1/room_summary/{roomIdOrAlias}',
        also: [`${unstableSummary}/summary/{roomIdOrAlias}`, `${unstableSummary}/rooms/{roomIdOrAlias}/summary`],
        auth: 'optional',
        limit: 'lookup',
        query: z.object({ via: z.array(z.string()).optional() }),
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias',
      },
      async ({ params, query, requester, url }) => {
        const summary = await discovery.summary(params.roomIdOrAlias, query.via ?? [], requester?.userId)
        if (!url.startsWith(unstableSummary)) return summary
        const { room_version: version, encryption } = summary
        return {
          ...summary,
          'im.nheko.summary.room_version': version,
          'im.nheko.summary.version': version,
          ...(encryption === undefined ? {} : { 'im.nheko.summary.encryption': encryption }),
        }
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v1/rooms/{roomId}/hierarchy',
        also: ['/_matrix/client/unstable/org.matrix.msc2946/rooms/{roomId}/hierarchy'],
        auth: 'user',
        limit: 'lookup',
        query: z.object({
          suggested_only: z.boolean().optional(),
          limit: z.number().int().min(1).optional(),
          max_depth: z.number().int().min(0).optional(),
          from: z.string().optional(),
          via: z.array(z.string()).optional(),
        }),
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy',
      },
      ({ params, query, requester }) =>
        discovery.hierarchy({
          userId: requester.userId,
          roomId: params.roomId,
          via: query.via ?? [],
          suggestedOnly: query.suggested_only ?? false,
          maxDepth: query.max_depth,
          limit: Math.min(query.limit ?? defaultPage, maxPage),
          from: query.from,
        }),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v1/rooms/{roomId}/timestamp_to_event',
        also: ['/_matrix/client/unstable/org.matrix.msc3030/rooms/{roomId}/timestamp_to_event'],
        auth: 'user',
        limit: 'lookup',
        query: z.object({ ts: z.number().int(), dir: z.enum(['f', 'b']) }),
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event',
      },
      ({ params, query, requester }) => discovery.eventByTime(requester.userId, params.roomId, query.ts, query.dir),
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/user_directory/search',
        auth: 'user',
        limit: 'lookup',
        body: z.object({ search_term: z.string(), limit: z.number().int().nullish() }),
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3user_directorysearch',
      },
      ({ body, requester }) => {
        const limit = Math.min(Math.max(body.limit ?? defaultUsers, 1), maxPage)
        return discovery.users(requester.userId, body.search_term, limit)
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v1/mutual_rooms',
        auth: 'user',
        limit: 'lookup',
        query: z.object({ user_id: z.string(), from: z.string().optional() }),
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mutual_rooms',
      },
      ({ query, requester }) => discovery.mutualRooms(requester.userId, query.user_id, query.from),
    ),
    endpoint(
      {
        method: 'GET',
        path: unstableMutualRooms,
        auth: 'user',
        limit: 'lookup',
        query: z.object({ user_id: z.string(), batch_token: z.string().optional(), from: z.string().optional() }),
      },
      async ({ query, requester }) => {
        const from = query.batch_token ?? query.from
        const page = await discovery.mutualRooms(requester.userId, query.user_id, from)
        const { next_batch: next } = page
        return next === undefined ? page : { ...page, next_batch_token: next }
      },
    ),
  ]
}
