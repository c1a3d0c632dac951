import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'
import { thirdPartyRoutes } from './routes-third-party.ts'

const spec = 'https://spec.matrix.org/v1.19/application-service-api/#'

/** What only application services may ask for, and what clients learn from them. */
export function appserviceRoutes(ctx: Pick<AppContext, 'appservices' | 'rooms'>): Endpoint[] {
  const { appservices, rooms } = ctx
  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v1/appservice/{appserviceId}/ping',
        also: ['/_matrix/client/unstable/fi.mau.msc2659/appservice/{appserviceId}/ping'],
        auth: 'appservice',
        body: z.object({ transaction_id: z.string().nullish() }),
        spec: `${spec}post_matrixclientv1appserviceappserviceidping`,
      },
      async ({ params, body, requester: { appservice } }) => {
        if (appservice.id !== params.appserviceId) {
          throw errors.forbidden('The access token belongs to another application service')
        }
        return { duration_ms: await appservices.ping(appservice.id, body.transaction_id ?? undefined) }
      },
    ),
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/client/v3/directory/list/appservice/{networkId}/{roomId}',
        auth: 'appservice',
        body: z.object({ visibility: z.enum(['public', 'private']) }),
        spec: `${spec}put_matrixclientv3directorylistappservicenetworkidroomid`,
      },
      async ({ params, body, requester }) => {
        const network = { appserviceId: requester.appservice.id, networkId: params.networkId }
        await rooms.directory.setNetworkVisibility(network, params.roomId, body.visibility)
        return {}
      },
    ),
    ...thirdPartyRoutes(ctx),
  ]
}
