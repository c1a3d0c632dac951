import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { reply } from '../../http/reply.ts'

const spec = 'https://spec.matrix.org/v1.19/server-server-api/#'
const minimum = z.looseObject({ minimum_valid_until_ts: z.int().optional() })
const manyQueries = z.object({ server_keys: z.record(z.string(), z.record(z.string(), minimum)) })

/** The keys of this server, and those of others as it knows them, which anybody may ask for. */
export function keyRoutes({ federation }: Pick<AppContext, 'federation'>): Endpoint[] {
  const { ownKeys, notary } = federation
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/key/v2/server',
        // Servers of old name the key that they want, and are content with all.
        also: ['/_matrix/key/v2/server/{keyId}'],
        auth: 'none',
        spec: `${spec}get_matrixkeyv2server`,
      },
      () => reply(200, ownKeys.text(), { 'Content-Type': 'application/json' }),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/key/v2/query/{serverName}',
        also: ['/_matrix/key/v2/query/{serverName}/{keyId}'],
        auth: 'none',
        limit: 'general',
        query: z.object({ minimum_valid_until_ts: z.int().optional() }),
        spec: `${spec}get_matrixkeyv2queryservername`,
      },
      async ({ params, query }) => {
        const criteria = { keyIds: [], minimum: query.minimum_valid_until_ts }
        return { server_keys: await notary.query(new Map([[params.serverName, criteria]])) }
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/key/v2/query',
        auth: 'none',
        limit: 'general',
        body: manyQueries,
        spec: `${spec}post_matrixkeyv2query`,
      },
      async ({ body }) => {
        const wanted = Object.entries(body.server_keys).map(([server, keys]) => {
          const minima = Object.values(keys).flatMap(({ minimum_valid_until_ts: until }) => until ?? [])
          const minimum = minima.length === 0 ? undefined : Math.max(...minima)
          return [server, { keyIds: Object.keys(keys), minimum }] as const
        })
        return { server_keys: await notary.query(new Map(wanted)) }
      },
    ),
  ]
}
