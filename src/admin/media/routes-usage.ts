import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { usageOrders } from '../../media/catalogue/catalogue.ts'
import { listQuery } from '../list-query.ts'

const query = listQuery.extend({
  order_by: z.enum(usageOrders).default('user_id'),
  dir: z.enum(['f', 'b']).default('f'),
  from_ts: z.int().min(0).optional(),
  until_ts: z.int().min(0).optional(),
  search_term: z.string().min(1).optional(),
})

/** Who keeps how much here. */
export function mediaUsageRoutes({ media }: Pick<AppContext, 'media'>): Endpoint[] {
  return [
    endpoint(
      { method: 'GET', path: '/_synapse/admin/v1/statistics/users/media', auth: 'admin', query },
      async ({ query: wanted }) => {
        const { from: offset, limit, order_by: order, dir, from_ts: fromTs, until_ts: untilTs } = wanted
        const request = { fromTs, untilTs, search: wanted.search_term, order, descending: dir === 'b', offset, limit }
        const { total, rows } = await media.catalogue.usage(request)
        const next = offset + rows.length
        return {
          users: rows.map(({ user_id, media_count, media_length, displayname }) => ({
            user_id,
            displayname: displayname === null ? null : JSON.parse(displayname),
            media_count,
            media_length: Number(media_length),
          })),
          total,
          ...(next < total && { next_token: next }),
        }
      },
    ),
  ]
}
