import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'
import { isRoomId } from '../../matrix/ids.ts'

const path = '/_synapse/admin/v1/rooms/{roomId}/block'

/** Rooms that nobody here may enter. */
export function blockRoutes({ db, rooms: { blocks } }: Pick<AppContext, 'db' | 'rooms'>): Endpoint[] {
  return [
    endpoint({ method: 'GET', path, auth: 'admin' }, async ({ params }) => {
      const by = await db.read((reader) => blocks.blockedBy(reader, params.roomId))
      return by === undefined ? { block: false } : { block: true, user_id: by }
    }),
    endpoint(
      { method: 'PUT', path, auth: 'admin', body: z.object({ block: z.boolean() }) },
      async ({ params: { roomId }, body: { block }, requester }) => {
        if (!isRoomId(roomId)) throw errors.invalidParam(`${roomId} is not a room id`)
        await db.write('block a room', async (tx) => {
          if (block) await blocks.block(tx, roomId, requester.userId)
          else await blocks.unblock(tx, roomId)
        })
        return { block }
      },
    ),
  ]
}
