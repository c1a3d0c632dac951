import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'
import { isUserId } from '../../matrix/ids.ts'
import { listQuery } from '../list-query.ts'
import type { Hold } from './holds.ts'

const path = '/_ringback/admin/v1/holds'
const time = z.int().min(0).optional()

const body = z.object({
  user_id: z.string().refine(isUserId).optional(),
  room_id: z.string().optional(),
  mxc: z.string().optional(),
  from_ts: time,
  until_ts: time,
  expires_ts: time,
  note: z.string().max(1000).optional(),
})
const query = listQuery.extend({
  kind: z.enum(['legal', 'report', 'quarantine']).optional(),
  active: z.boolean().default(true),
})

const json = (hold: Hold) => ({
  hold_id: hold.holdId,
  kind: hold.kind,
  user_id: hold.userId ?? null,
  room_id: hold.roomId ?? null,
  mxc: hold.mxc ?? null,
  from_ts: hold.fromTs ?? null,
  until_ts: hold.untilTs ?? null,
  expires_ts: hold.expiresTs ?? null,
  note: hold.note ?? null,
  created_ts: hold.createdTs,
  created_by: hold.createdBy ?? null,
  released_ts: hold.releasedTs ?? null,
  released_by: hold.releasedBy ?? null,
})

/** What must not be deleted, by whom and until when. */
export function holdRoutes({ admin: { holds } }: Pick<AppContext, 'admin'>): Endpoint[] {
  return [
    endpoint({ method: 'POST', path, auth: 'admin', body }, async ({ body, requester }) => ({
      hold_id: await holds.create(requester.userId, {
        userId: body.user_id,
        roomId: body.room_id,
        mxc: body.mxc,
        fromTs: body.from_ts,
        untilTs: body.until_ts,
        expiresTs: body.expires_ts,
        note: body.note,
      }),
    })),
    endpoint({ method: 'GET', path, auth: 'admin', query }, async ({ query: { from, limit, kind, active } }) => {
      const { holds: found, total } = await holds.list({ kind, active }, { from, limit })
      const next = from + found.length
      return { holds: found.map(json), total, ...(next < total && { next_token: String(next) }) }
    }),
    endpoint({ method: 'DELETE', path: `${path}/{holdId}`, auth: 'admin' }, async ({ params, requester }) => {
      const holdId = Number(params.holdId)
      if (!Number.isSafeInteger(holdId)) throw errors.notFound('There is no such hold')
      await holds.release(requester.userId, holdId)
      return {}
    }),
  ]
}
