import { z } from 'zod'
import { accountOrders } from '../../accounts/users.ts'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { reply } from '../../http/reply.ts'
import { listQuery } from '../list-query.ts'
import { accountJson, listedJson } from './account-json.ts'
import { accountBody, createPutAccount } from './put-account.ts'

const query = listQuery.extend({
  user_id: z.string().min(1).optional(),
  name: z.string().min(1).optional(),
  guests: z.boolean().default(true),
  deactivated: z.boolean().default(false),
  locked: z.boolean().default(false),
  admins: z.boolean().optional(),
  order_by: z.enum(accountOrders).default('name'),
  dir: z.enum(['f', 'b']).default('f'),
})

/** Accounts, as existing tools of administrators list, make and change them. */
export function userRoutes({ db, clock, accounts }: Pick<AppContext, 'db' | 'clock' | 'accounts'>): Endpoint[] {
  const path = '/_synapse/admin/v2/users/{userId}'
  const putAccount = createPutAccount({ db, clock, accounts })
  const show = (userId: string) => db.read((reader) => accountJson(reader, accounts, userId))

  return [
    endpoint(
      { method: 'GET', path: '/_synapse/admin/v2/users', auth: 'admin', query },
      async ({ query: { from, limit, user_id: userId, order_by: order, dir, ...filter } }) => {
        const page = { offset: from, limit, order, descending: dir === 'b' }
        const found = await db.read((reader) => accounts.users.search(reader, { ...filter, userId }, page))
        const next = from + found.accounts.length
        return {
          users: found.accounts.map(listedJson),
          total: found.total,
          ...(next < found.total && { next_token: String(next) }),
        }
      },
    ),
    endpoint({ method: 'GET', path, auth: 'admin' }, ({ params }) => show(params.userId)),
    endpoint({ method: 'PUT', path, auth: 'admin', body: accountBody }, async ({ params, body, requester }) => {
      const isNew = await putAccount(requester.userId, params.userId, body)
      return reply(isNew ? 201 : 200, await show(params.userId))
    }),
  ]
}
