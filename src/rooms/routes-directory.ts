import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'

const link = (anchor: string) => `https://spec.matrix.org/v1.19/client-server-api/#${anchor}`
const aliasPath = '/_matrix/client/v3/directory/room/{roomAlias}'
const visibilityPath = '/_matrix/client/v3/directory/list/room/{roomId}'

/** Aliases of rooms, and whether the directory lists them. */
export function directoryRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  const { aliases, directory } = rooms
  return [
    endpoint(
      {
        method: 'GET',
        path: aliasPath,
        auth: 'none',
        limit: 'lookup',
        spec: link('get_matrixclientv3directoryroomroomalias'),
      },
      async ({ params }) => {
        const { roomId, servers } = await aliases.resolve(params.roomAlias)
        return { room_id: roomId, servers }
      },
    ),
    endpoint(
      {
        method: 'PUT',
        path: aliasPath,
        auth: 'user',
        limit: 'membership',
        body: z.object({ room_id: z.string() }),
        spec: link('put_matrixclientv3directoryroomroomalias'),
      },
      async ({ params, body, requester }) => {
        await aliases.add(requester, params.roomAlias, body.room_id)
        return {}
      },
    ),
    endpoint(
      { method: 'DELETE', path: aliasPath, auth: 'user', spec: link('delete_matrixclientv3directoryroomroomalias') },
      async ({ params, requester }) => {
        await aliases.remove(requester, params.roomAlias)
        return {}
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/rooms/{roomId}/aliases',
        auth: 'user',
        spec: link('get_matrixclientv3roomsroomidaliases'),
      },
      async ({ params, requester }) => ({ aliases: await aliases.list(requester, params.roomId) }),
    ),
    endpoint(
      {
        method: 'GET',
        path: visibilityPath,
        auth: 'none',
        limit: 'lookup',
        spec: link('get_matrixclientv3directorylistroomroomid'),
      },
      async ({ params }) => ({ visibility: await directory.getVisibility(params.roomId) }),
    ),
    endpoint(
      {
        method: 'PUT',
        path: visibilityPath,
        auth: 'user',
        body: z.object({ visibility: z.enum(['public', 'private']).nullish() }),
        spec: link('put_matrixclientv3directorylistroomroomid'),
      },
      async ({ params, body, requester }) => {
        await directory.setVisibility(requester, params.roomId, body.visibility ?? 'public')
        return {}
      },
    ),
  ]
}
