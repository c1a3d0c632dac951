import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import { parseStreamToken } from '../matrix/stream-token.ts'
import { slidingSyncRoutes } from './sliding/routes.ts'

const maxTimeout = 5 * 60_000

/** https://spec.matrix.org/v1.19/client-server-api/#syncing */
export function syncRoutes(ctx: Pick<AppContext, 'db' | 'sync' | 'accounts' | 'presence'>): Endpoint[] {
  const { db, sync, accounts, presence } = ctx
  return [
    ...slidingSyncRoutes(ctx),
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
      async ({ query, requester, recheck, signal }) => {
        const since = query.since === undefined || query.since === '' ? undefined : parseStreamToken(query.since)
        if (since === undefined && query.since) throw errors.invalidParam('since is not a token of this server')
        const unstable = query['org.matrix.msc4222.use_state_after'] === true
        const filter = await db.read((reader) => accounts.filters.resolve(reader, requester.userId, query.filter))
        const disconnect = presence.connect(requester, query.set_presence ?? 'online')
        try {
          return await sync.sync({
            requester,
            since,
            filter,
            fullState: query.full_state ?? false,
            stateAfter: query.use_state_after ? 'state_after' : unstable ? 'org.matrix.msc4222.state_after' : 'state',
            timeout: Math.min(query.timeout ?? 0, maxTimeout),
            recheck,
            signal,
          })
        } finally {
          disconnect()
        }
      },
    ),
  ]
}
