import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { roomEventFilter } from '../matrix/filter-schema.ts'
import { audienceOf } from './route-parts.ts'
import type { TextKind } from './search/text-of.ts'

const kinds: Readonly<Record<'content.body' | 'content.name' | 'content.topic', TextKind>> = {
  'content.body': 'body',
  'content.name': 'name',
  'content.topic': 'topic',
}
const everyKey = ['content.body', 'content.name', 'content.topic'] as const

const count = z.int().min(0).nullish()
const criteria = z.object({
  search_term: z.string(),
  keys: z.array(z.enum(everyKey)).nullish(),
  filter: roomEventFilter.nullish(),
  order_by: z.enum(['rank', 'recent']).nullish(),
  event_context: z
    .object({ before_limit: count, after_limit: count, include_profile: z.boolean().nullish() })
    .nullish(),
  include_state: z.boolean().nullish(),
  groupings: z.object({ group_by: z.array(z.object({ key: z.enum(['room_id', 'sender']) })).nullish() }).nullish(),
})

const defaultResults = 10
const maxResults = 100
const defaultContext = 5
const maxContext = 20

/** Search in what was written. */
export function searchRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/search',
        auth: 'user',
        limit: 'lookup',
        query: z.object({ next_batch: z.string().optional() }),
        body: z.object({ search_categories: z.object({ room_events: criteria.nullish() }) }),
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3search',
      },
      async ({ query, body, requester }) => {
        const wanted = body.search_categories.room_events
        if (!wanted) return { search_categories: {} }
        const filter = wanted.filter ?? {}
        const context = wanted.event_context
        const found = await rooms.search(audienceOf(requester), {
          term: wanted.search_term,
          kinds: [...new Set(wanted.keys?.length ? wanted.keys : everyKey)].map((key) => kinds[key]),
          order: wanted.order_by ?? 'rank',
          filter,
          limit: Math.min(filter.limit ?? defaultResults, maxResults),
          from: query.next_batch || undefined,
          groupBy: [...new Set(wanted.groupings?.group_by?.map(({ key }) => key))],
          includeState: wanted.include_state ?? false,
          context: context
            ? {
                before: Math.min(context.before_limit ?? defaultContext, maxContext),
                after: Math.min(context.after_limit ?? defaultContext, maxContext),
                includeProfile: context.include_profile ?? false,
              }
            : undefined,
        })
        return { search_categories: { room_events: found } }
      },
    ),
  ]
}
