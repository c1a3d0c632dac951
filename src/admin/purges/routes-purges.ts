import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import { requireAccount } from '../users/find-account.ts'
import type { PurgeState } from './types.ts'

const base = '/_synapse/admin'
const historyBody = z.object({
  delete_local_events: z.boolean().default(false),
  purge_up_to_event_id: z.string().optional(),
  purge_up_to_ts: z.int().min(0).optional(),
})
const roomBody = z.object({
  new_room_user_id: z.string().optional(),
  room_name: z.string().optional(),
  message: z.string().optional(),
  block: z.boolean().default(false),
  purge: z.boolean().default(true),
  force_purge: z.boolean().default(false),
})

/** Everything under way is one thing to tools, as long as it is history. */
const historyStatus = { scheduled: 'active', shutting_down: 'active', purging: 'active' } as const

function historyJson({ status, error }: PurgeState) {
  const known = status === 'complete' || status === 'failed' ? status : historyStatus[status]
  return { status: known, ...(error !== undefined && { error }) }
}

const movedJson = ({ shutdown }: PurgeState) => ({
  kicked_users: shutdown?.kickedUsers ?? [],
  failed_to_kick_users: shutdown?.failedUsers ?? [],
  local_aliases: shutdown?.localAliases ?? [],
  new_room_id: shutdown?.newRoomId ?? null,
})

const roomJson = (state: PurgeState) => ({
  status: state.status,
  shutdown_room: movedJson(state),
  ...(state.error !== undefined && { error: state.error }),
})

type Deps = Pick<AppContext, 'admin' | 'db' | 'accounts' | 'rooms'>

/** The removal of old history and of rooms, as existing tools of administrators ask for it. */
export function purgeRoutes({ admin, db, accounts, rooms }: Deps): Endpoint[] {
  const { purges } = admin
  const { purging, reads } = rooms

  async function startHistory(
    by: UserId,
    roomId: string,
    eventId: string | undefined,
    body: z.output<typeof historyBody>,
  ) {
    const upTo = eventId ?? body.purge_up_to_event_id
    const { purge_up_to_ts: ts, delete_local_events: withLocal } = body
    if (upTo === undefined && ts === undefined) throw errors.badJson('purge_up_to_event_id or purge_up_to_ts is needed')
    const before =
      upTo === undefined ? await purging.positionAt(roomId, ts ?? 0) : await purging.positionOf(roomId, upTo)
    return { purge_id: await purges.startHistory(by, roomId, { before, withLocal }) }
  }

  /** Something to remove: a room that is known here, invitations to one, or what an earlier try has left. */
  async function requireRoom(roomId: string, isForced: boolean): Promise<void> {
    const isThere = await db.read(async (reader) => {
      const room = await reads.roomById(reader, roomId)
      if (room === undefined) return false
      return isForced || room.stateNid !== undefined || (await reads.members(reader, room.nid, 'invite')).length > 0
    })
    if (!isThere) throw errors.notFound('This server does not know that room')
  }

  async function startRoom(by: UserId, roomId: string, body: z.output<typeof roomBody>): Promise<string> {
    const { new_room_user_id: newRoomUser, room_name: roomName, message, block, purge, force_purge: force } = body
    // A room may be blocked before anybody has come upon it.
    if (!block) await requireRoom(roomId, force)
    if (newRoomUser !== undefined) await db.read((reader) => requireAccount(reader, accounts, newRoomUser))
    return purges.startRoom(by, roomId, { newRoomUser, roomName, message, block, purge, force })
  }

  return [
    endpoint(
      { method: 'POST', path: `${base}/v1/purge_history/{roomId}`, auth: 'admin', body: historyBody },
      ({ params, body, requester }) => startHistory(requester.userId, params.roomId, undefined, body),
    ),
    endpoint(
      { method: 'POST', path: `${base}/v1/purge_history/{roomId}/{eventId}`, auth: 'admin', body: historyBody },
      ({ params, body, requester }) => startHistory(requester.userId, params.roomId, params.eventId, body),
    ),
    endpoint({ method: 'GET', path: `${base}/v1/purge_history_status/{purgeId}`, auth: 'admin' }, async ({ params }) =>
      historyJson(await purges.get(params.purgeId, 'history')),
    ),
    endpoint(
      { method: 'DELETE', path: `${base}/v1/rooms/{roomId}`, auth: 'admin', body: roomBody },
      async ({ params, body, requester, signal }) => {
        const state = await purges.ended(await startRoom(requester.userId, params.roomId, body), signal)
        if (state.status === 'failed') throw errors.unknown(500, state.error)
        return movedJson(state)
      },
    ),
    endpoint(
      { method: 'DELETE', path: `${base}/v2/rooms/{roomId}`, auth: 'admin', body: roomBody },
      async ({ params, body, requester }) => ({ delete_id: await startRoom(requester.userId, params.roomId, body) }),
    ),
    endpoint({ method: 'GET', path: `${base}/v2/rooms/{roomId}/delete_status`, auth: 'admin' }, async ({ params }) => {
      const states = await purges.listOfRoom(params.roomId)
      if (states.length === 0) throw errors.notFound('Nothing has been removed of that room lately')
      return { results: states.map((state) => ({ delete_id: state.purgeId, ...roomJson(state) })) }
    }),
    endpoint({ method: 'GET', path: `${base}/v2/rooms/delete_status/{deleteId}`, auth: 'admin' }, async ({ params }) =>
      roomJson(await purges.get(params.deleteId, 'room')),
    ),
  ]
}
