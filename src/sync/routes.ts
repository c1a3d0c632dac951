import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import { type SyncFilter, syncFilter } from '../matrix/filter-schema.ts'
import { parseStreamToken } from '../matrix/stream-token.ts'
import type { UserId } from '../matrix/ids.ts'

const maxTimeout = 5 * 60_000

function parseFilter(text: string): SyncFilter {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw errors.invalidParam('filter is not valid JSON')
  }
  const parsed = syncFilter.safeParse(json)
  if (!parsed.success) throw errors.invalidParam('filter is not a valid filter')
  return parsed.data
}

/** https://spec.matrix.org/v1.19/client-server-api/#syncing */
export function syncRoutes({ sync, accounts }: Pick<AppContext, 'sync' | 'accounts'>): Endpoint[] {
  async function filterOf(userId: UserId, filter: string | undefined): Promise<SyncFilter> {
    if (filter === undefined || filter === '') return {}
    if (filter.startsWith('{')) return parseFilter(filter)
    const stored = await accounts.filters.get(userId, filter)
    if (stored === undefined) throw errors.invalidParam('No such filter')
    return stored
  }

  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/sync',
        auth: 'user-or-guest',
        query: z.object({
          filter: z.string().optional(),
          since: z.string().optional(),
          full_state: z.boolean().optional(),
          set_presence: z.enum(['offline', 'online', 'unavailable']).optional(),
          timeout: z.number().int().min(0).optional(),
          use_state_after: z.boolean().optional(),
          'org.matrix.msc4222.use_state_after': z.boolean().optional(),
        }),
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync',
      },
      async ({ query, requester, signal }) => {
        const since = query.since === undefined || query.since === '' ? undefined : parseStreamToken(query.since)
        if (since === undefined && query.since) throw errors.invalidParam('since is not a token of this server')
        const unstable = query['org.matrix.msc4222.use_state_after'] === true
        return sync.sync({
          requester,
          since,
          filter: await filterOf(requester.userId, query.filter),
          fullState: query.full_state ?? false,
          stateAfter: query.use_state_after ? 'state_after' : unstable ? 'org.matrix.msc4222.state_after' : 'state',
          timeout: Math.min(query.timeout ?? 0, maxTimeout),
          signal,
        })
      },
    ),
  ]
}
