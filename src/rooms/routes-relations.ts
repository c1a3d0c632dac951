import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint, type Requester } from '../http/endpoint.ts'
import { parseThreadToken } from './relations/thread-token.ts'
import { audienceOf, positionOf, tokenOf } from './route-parts.ts'

const direction = z.enum(['b', 'f']).optional()
const relationsQuery = z.object({
  dir: direction,
  from: z.string().optional(),
  to: z.string().optional(),
  limit: z.number().int().optional(),
  recurse: z.boolean().optional(),
  'org.matrix.msc3715.dir': direction,
  'org.matrix.msc3981.recurse': z.boolean().optional(),
})
const relationsSpec = 'https://spec.matrix.org/v1.19/client-server-api/#relationships-api'
const stable = '/_matrix/client/v1/rooms/{roomId}/relations/{eventId}'
/** Where clients asked before there was a stable path. */
const unstable = '/_matrix/client/unstable/rooms/{roomId}/relations/{eventId}'
const maxLimit = 1000

interface Place {
  readonly roomId: string
  readonly eventId: string
  readonly relType?: string
  readonly eventType?: string
}

/** What relates to an event, and the threads of a room. */
export function relationRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  async function related(requester: Requester, place: Place, query: z.output<typeof relationsQuery>) {
    const recurse = query.recurse ?? query['org.matrix.msc3981.recurse']
    const page = await rooms.relations.related(audienceOf(requester), place.roomId, place.eventId, {
      relType: place.relType,
      eventType: place.eventType,
      dir: query.dir ?? query['org.matrix.msc3715.dir'] ?? 'b',
      from: positionOf(query.from),
      to: positionOf(query.to),
      limit: Math.min(Math.max(query.limit ?? 50, 1), maxLimit),
      recurse: recurse ?? false,
    })
    return {
      chunk: page.chunk,
      ...(page.next === undefined ? {} : { next_batch: tokenOf(page.next) }),
      ...(query.from ? { prev_batch: query.from } : {}),
      ...(recurse === undefined ? {} : { recursion_depth: page.depth }),
    }
  }

  return [
    endpoint(
      {
        method: 'GET',
        path: stable,
        also: [unstable],
        auth: 'user',
        query: relationsQuery,
        spec: relationsSpec,
      },
      ({ params, query, requester }) => related(requester, params, query),
    ),
    endpoint(
      {
        method: 'GET',
        path: `${stable}/{relType}`,
        also: [`${unstable}/{relType}`],
        auth: 'user',
        query: relationsQuery,
        spec: relationsSpec,
      },
      ({ params, query, requester }) => related(requester, params, query),
    ),
    endpoint(
      {
        method: 'GET',
        path: `${stable}/{relType}/{eventType}`,
        also: [`${unstable}/{relType}/{eventType}`],
        auth: 'user',
        query: relationsQuery,
        spec: relationsSpec,
      },
      ({ params, query, requester }) => related(requester, params, query),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v1/rooms/{roomId}/threads',
        also: ['/_matrix/client/unstable/org.matrix.msc3856/rooms/{roomId}/threads'],
        auth: 'user',
        limit: 'lookup',
        query: z.object({
          include: z.enum(['all', 'participated']).optional(),
          limit: z.number().int().min(1).optional(),
          from: z.string().optional(),
        }),
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#querying-threads-in-a-room',
      },
      async ({ params, query, requester }) => {
        const page = await rooms.relations.threads(audienceOf(requester), params.roomId, {
          include: query.include ?? 'all',
          from: query.from ? parseThreadToken(query.from) : undefined,
          limit: Math.min(query.limit ?? 20, 100),
        })
        return { chunk: page.chunk, ...(page.next === undefined ? {} : { next_batch: page.next }) }
      },
    ),
  ]
}
