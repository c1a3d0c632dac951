import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { RoomFacts } from '../../rooms/directory/room-facts.ts'
import { listQuery } from '../list-query.ts'
import { requireLocalId } from '../moderated-account.ts'
import { requireAccount } from '../users/find-account.ts'
import { createMakeAdmin } from './make-admin.ts'

const query = listQuery.extend({
  search_term: z.string().min(1).optional(),
  order_by: z
    .enum(['name', 'canonical_alias', 'joined_members', 'joined_local_members', 'version', 'state_events'])
    .default('name'),
  dir: z.enum(['f', 'b']).default('f'),
})

function roomJson(facts: RoomFacts) {
  return {
    room_id: facts.roomId,
    name: facts.name ?? null,
    canonical_alias: facts.canonicalAlias ?? null,
    joined_members: facts.joined,
    joined_local_members: facts.joinedLocal,
    version: facts.version,
    creator: facts.creator ?? null,
    encryption: facts.encryption ?? null,
    federatable: facts.isFederated,
    public: facts.isPublic,
    join_rules: facts.joinRule ?? null,
    guest_access: facts.guestAccess ?? null,
    history_visibility: facts.historyVisibility ?? null,
    state_events: facts.stateEvents,
    room_type: facts.type ?? null,
  }
}

/** Rooms, as existing tools of administrators list them. */
export function roomListRoutes({ db, accounts, rooms }: Pick<AppContext, 'db' | 'accounts' | 'rooms'>): Endpoint[] {
  /** Where the user may not come in alone, the administrator has to be able to invite. */
  async function bringIn(adminId: UserId, userId: UserId, roomIdOrAlias: string): Promise<string> {
    try {
      return await rooms.membership.join({ userId }, { roomIdOrAlias })
    } catch (error) {
      if (!(error instanceof MatrixError && error.errcode === 'M_FORBIDDEN')) throw error
      const roomId = await rooms.aliases.requireRoomId(roomIdOrAlias)
      await rooms.membership.invite({ userId: adminId }, roomId, userId)
      return rooms.membership.join({ userId }, { roomIdOrAlias: roomId })
    }
  }

  const makeAdmin = createMakeAdmin({ db, rooms })

  return [
    endpoint({ method: 'GET', path: '/_synapse/admin/v1/rooms', auth: 'admin', query }, async ({ query: wanted }) => {
      const { from: offset, limit, search_term: search, order_by: order, dir } = wanted
      const found = await rooms.list.list({ search, order, descending: dir === 'b', offset, limit })
      const next = offset + found.rooms.length
      return {
        rooms: found.rooms.map(roomJson),
        offset,
        total_rooms: found.total,
        ...(next < found.total && { next_batch: next }),
        ...(offset > 0 && { prev_batch: Math.max(0, offset - limit) }),
      }
    }),
    endpoint({ method: 'GET', path: '/_synapse/admin/v1/rooms/{roomId}', auth: 'admin' }, async ({ params }) => {
      const facts = await rooms.list.get(params.roomId)
      return {
        ...roomJson(facts),
        topic: facts.topic ?? null,
        avatar: facts.avatar ?? null,
        tombstoned: facts.replacement !== undefined,
        replacement_room: facts.replacement ?? null,
      }
    }),
    endpoint(
      { method: 'GET', path: '/_synapse/admin/v1/rooms/{roomId}/members', auth: 'admin' },
      async ({ params }) => {
        const members = await rooms.list.members(params.roomId)
        return { members, total: members.length }
      },
    ),
    endpoint({ method: 'GET', path: '/_synapse/admin/v1/rooms/{roomId}/state', auth: 'admin' }, ({ params }) =>
      db.read(async (reader) => {
        const { clientEvents, roomById, view } = rooms.reads
        const room = await roomById(reader, params.roomId)
        if (room?.stateNid === undefined) throw errors.notFound('This server does not know that room')
        return { state: await clientEvents.formatAll(reader, room, await view.all(reader, room.stateNid)) }
      }),
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_synapse/admin/v1/rooms/{roomIdOrAlias}/make_room_admin',
        auth: 'admin',
        body: z.object({ user_id: z.string().optional() }),
      },
      async ({ params, body, requester }) => {
        const roomId = await rooms.aliases.requireRoomId(params.roomIdOrAlias)
        await makeAdmin(roomId, requireLocalId(accounts, body.user_id ?? requester.userId))
        return {}
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_synapse/admin/v1/join/{roomIdOrAlias}',
        auth: 'admin',
        body: z.object({ user_id: z.string() }),
      },
      async ({ params, body, requester }) => {
        const user = await db.read((reader) => requireAccount(reader, accounts, body.user_id))
        if (user.isDeactivated) throw errors.notFound('The account is deactivated')
        return { room_id: await bringIn(requester.userId, user.userId, params.roomIdOrAlias) }
      },
    ),
  ]
}
