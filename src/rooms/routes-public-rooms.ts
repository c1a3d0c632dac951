import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import { type DirectoryScope, parseInstanceId } from './directory/network-rooms.ts'
import { text } from './route-parts.ts'

const filter = z.object({
  generic_search_term: text,
  room_types: z.array(z.string().nullable()).nullish(),
})
const queryBody = z.object({
  limit: z.number().int().nullish(),
  since: text,
  filter: filter.nullish(),
  include_all_networks: z.boolean().nullish(),
  third_party_instance_id: text,
})

/** Undefined for a network that we do not know. */
function scopeOf(body: z.output<typeof queryBody>): DirectoryScope | undefined {
  if (!body.third_party_instance_id) return body.include_all_networks ? 'all' : 'own'
  if (body.include_all_networks) {
    throw errors.invalidParam('third_party_instance_id and include_all_networks exclude each other')
  }
  return parseInstanceId(body.third_party_instance_id)
}

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
        body: queryBody,
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3publicrooms',
      },
      ({ query, body }) => {
        const scope = scopeOf(body)
        if (scope === undefined) return { chunk: [], total_room_count_estimate: 0 }
        return directory.list({
          limit: body.limit ?? undefined,
          since: body.since ?? undefined,
          search: body.filter?.generic_search_term ?? undefined,
          roomTypes: body.filter?.room_types ?? undefined,
          server: query.server,
          scope,
        })
      },
    ),
  ]
}
