import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint, type Requester } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { syncFilter } from '../matrix/filter-schema.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'

export function filterRoutes({ accounts, db }: Pick<AppContext, 'accounts' | 'db'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/user/{userId}/filter',
        auth: 'user',
        limit: 'general',
        body: syncFilter,
        maxBody: 64 * 1024,
        spec: `${spec}post_matrixclientv3useruseridfilter`,
      },
      async ({ requester, params, rawBody }) => {
        requireSelf(requester, params.userId)
        // The app has parsed it as a JSON object.
        return { filter_id: await accounts.filters.create(requester.userId, rawBody as JsonObject) }
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/user/{userId}/filter/{filterId}',
        auth: 'user',
        spec: `${spec}get_matrixclientv3useruseridfilterfilterid`,
      },
      async ({ requester, params }) => {
        requireSelf(requester, params.userId)
        const filter = await db.read((reader) => accounts.filters.getRaw(reader, requester.userId, params.filterId))
        if (!filter) throw errors.notFound('There is no such filter')
        return filter
      },
    ),
  ]
}

function requireSelf(requester: Requester, userId: string): void {
  if (requester.userId !== userId) throw errors.forbidden('Filters of other users are private')
}
