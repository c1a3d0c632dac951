import { z } from 'zod'
import type { AppContext } from '../context.ts'
import type { Reader } from '../db/database.ts'
import { type Endpoint, endpoint, type Requester } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { isRoomId, type RoomId, type UserId } from '../matrix/ids.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'
const base = '/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags'

/** Room tags are the account data `m.tag` of the room, changed one by one. */
export function tagRoutes({ accounts, db }: Pick<AppContext, 'accounts' | 'db'>): Endpoint[] {
  const { accountData } = accounts

  const tagsOf = async (reader: Reader, userId: UserId, roomId: RoomId): Promise<JsonObject> => {
    const tags = (await accountData.get(reader, userId, 'm.tag', roomId))?.tags
    return typeof tags === 'object' && tags !== null && !Array.isArray(tags) ? tags : {}
  }

  async function change(userId: UserId, roomId: RoomId, tag: string, value: JsonObject | undefined): Promise<object> {
    await db.write('tag', async (tx) => {
      const before = await tagsOf(tx, userId, roomId)
      const others = Object.entries(before).filter(([name]) => name !== tag)
      if (value === undefined && others.length === Object.keys(before).length) return
      const tags = Object.fromEntries(value === undefined ? others : [...others, [tag, value]])
      await accountData.set(tx, userId, 'm.tag', { tags }, roomId)
    })
    return {}
  }

  return [
    endpoint(
      { method: 'GET', path: base, auth: 'user', spec: `${spec}get_matrixclientv3useruseridroomsroomidtags` },
      async ({ requester, params }) => {
        const roomId = requireOwn(requester, params)
        return { tags: await db.read((reader) => tagsOf(reader, requester.userId, roomId)) }
      },
    ),
    endpoint(
      {
        method: 'PUT',
        path: `${base}/{tag}`,
        auth: 'user',
        body: z.looseObject({ order: z.number().optional() }),
        spec: `${spec}put_matrixclientv3useruseridroomsroomidtagstag`,
      },
      async ({ requester, params, rawBody }) => {
        const roomId = requireOwn(requester, params)
        if (Buffer.byteLength(params.tag) > 255) throw errors.invalidParam('A tag has at most 255 bytes')
        // The app has parsed it as a JSON object.
        return change(requester.userId, roomId, params.tag, rawBody as JsonObject)
      },
    ),
    endpoint(
      {
        method: 'DELETE',
        path: `${base}/{tag}`,
        auth: 'user',
        spec: `${spec}delete_matrixclientv3useruseridroomsroomidtagstag`,
      },
      ({ requester, params }) => change(requester.userId, requireOwn(requester, params), params.tag, undefined),
    ),
  ]
}

function requireOwn(requester: Requester, params: { userId: string; roomId: string }): RoomId {
  if (requester.userId !== params.userId) throw errors.forbidden('Tags of other users are private')
  if (!isRoomId(params.roomId)) throw errors.invalidParam('Wrong path parameter roomId: not a room id')
  return params.roomId
}
