import { z } from 'zod'
import type { AppContext } from '../../../context.ts'
import { type Endpoint, endpoint } from '../../../http/endpoint.ts'
import { errors } from '../../../matrix/errors.ts'
import { isUserId } from '../../../matrix/ids.ts'
import { noPublicRooms, publicRoomsBody, toPublicRoomsRequest } from '../../../rooms/directory/public-rooms-request.ts'

const spec = 'https://spec.matrix.org/v1.19/server-server-api/'

/** What other servers ask about our users and rooms without being in a room with us. */
export function queryRoutes({ accounts, rooms, db }: Pick<AppContext, 'accounts' | 'rooms' | 'db'>): Endpoint[] {
  const listPublicRooms = (asked: z.output<typeof publicRoomsBody>) => {
    const request = toPublicRoomsRequest(asked)
    return request === undefined ? noPublicRooms : rooms.directory.list(request)
  }
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/query/profile',
        auth: 'server',
        query: z.object({ user_id: z.string(), field: z.string().optional() }),
        spec: `${spec}#get_matrixfederationv1queryprofile`,
      },
      async ({ query: { user_id: userId, field } }) => {
        if (!isUserId(userId)) throw errors.invalidParam('user_id is not a user id')
        if (!accounts.isLocalUser(userId)) throw errors.notFound('That is no user of this server')
        const profile = await db.read((reader) => accounts.profiles.get(reader, userId))
        if (profile === undefined) throw errors.notFound('There is no such profile')
        if (field === undefined) return profile
        return Object.hasOwn(profile, field) ? { [field]: profile[field] } : {}
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/query/directory',
        auth: 'server',
        query: z.object({ room_alias: z.string() }),
        spec: `${spec}#get_matrixfederationv1querydirectory`,
      },
      async ({ query }) => {
        const { roomId, servers } = await rooms.aliases.resolveOwn(query.room_alias)
        return { room_id: roomId, servers }
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/query/{queryType}',
        auth: 'server',
        spec: `${spec}#get_matrixfederationv1queryquerytype`,
      },
      ({ params }) => {
        throw errors.notFound(`There are no queries of the type ${params.queryType} here`)
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/publicRooms',
        auth: 'server',
        query: z.object({
          limit: z.number().int().optional(),
          since: z.string().optional(),
          include_all_networks: z.boolean().optional(),
          third_party_instance_id: z.string().optional(),
        }),
        spec: `${spec}#get_matrixfederationv1publicrooms`,
      },
      ({ query }) => listPublicRooms(query),
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/federation/v1/publicRooms',
        auth: 'server',
        body: publicRoomsBody,
        spec: `${spec}#post_matrixfederationv1publicrooms`,
      },
      ({ body }) => listPublicRooms(body),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/hierarchy/{roomId}',
        auth: 'server',
        query: z.object({ suggested_only: z.boolean().default(false) }),
        spec: `${spec}#get_matrixfederationv1hierarchyroomid`,
      },
      ({ params, query, origin }) => rooms.discovery.serverHierarchy(origin, params.roomId, query.suggested_only),
    ),
  ]
}
