import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { noPublicRooms, publicRoomsBody, toPublicRoomsRequest } from './directory/public-rooms-request.ts'

/** The published room directory. */
export function publicRoomsRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  const { directory } = rooms
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/publicRooms',
        auth: 'none',
        limit: 'lookup',
        query: z.object({
          limit: z.number().int().optional(),
          since: z.string().optional(),
          server: z.string().optional(),
        }),
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms',
      },
      ({ query }) => directory.list(query),
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/publicRooms',
        auth: 'user-or-guest',
        limit: 'lookup',
        query: z.object({ server: z.string().optional() }),
        body: publicRoomsBody,
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3publicrooms',
      },
      ({ query, body }) => {
        const request = toPublicRoomsRequest(body)
        return request === undefined ? noPublicRooms : directory.list({ ...request, server: query.server })
      },
    ),
  ]
}
