import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'
import { requireModerated } from '../moderated-account.ts'
import { requireAccount } from './find-account.ts'

/** What existing tools of administrators do to one account. */
export function userActionRoutes({ db, accounts, rooms }: Pick<AppContext, 'db' | 'accounts' | 'rooms'>): Endpoint[] {
  const { users } = accounts
  const adminPath = '/_synapse/admin/v1/users/{userId}/admin'
  const find = (userId: string) => db.read((reader) => requireAccount(reader, accounts, userId))

  return [
    endpoint(
      {
        method: 'POST',
        path: '/_synapse/admin/v1/reset_password/{userId}',
        auth: 'admin',
        body: z.object({ new_password: z.string().min(1).max(512), logout_devices: z.boolean().default(true) }),
      },
      async ({ params, body }) => {
        accounts.passwords.check(body.new_password)
        const { userId, isDeactivated } = await find(params.userId)
        if (isDeactivated) throw errors.notFound('The account is deactivated')
        const passwordHash = await accounts.passwords.hash(body.new_password)
        await db.write('reset password', async (tx) => {
          await users.setPassword(tx, userId, passwordHash)
          if (body.logout_devices) await accounts.sessions.endAll(tx, userId)
        })
        return {}
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_synapse/admin/v1/deactivate/{userId}',
        auth: 'admin',
        body: z.object({ erase: z.boolean().default(false) }),
      },
      async ({ params, body }) => {
        await db.write('deactivate', async (tx) => {
          const { userId, isErased } = await requireAccount(tx, accounts, params.userId)
          await users.deactivate(tx, userId, body.erase || isErased)
        })
        return { id_server_unbind_result: 'success' }
      },
    ),
    endpoint(
      {
        method: 'PUT',
        path: '/_synapse/admin/v1/suspend/{userId}',
        auth: 'admin',
        body: z.object({ suspend: z.boolean() }),
      },
      async ({ params, body, requester }) => {
        await db.write('suspend', async (tx) => {
          const { userId } = await requireModerated(tx, accounts, requester.userId, params.userId)
          if (userId === requester.userId) throw errors.forbidden('Administrators do not do this to themselves')
          await users.setFlags(tx, userId, { isSuspended: body.suspend })
        })
        return { [`user_${params.userId}_suspended`]: body.suspend }
      },
    ),
    endpoint({ method: 'GET', path: adminPath, auth: 'admin' }, async ({ params }) => ({
      admin: (await find(params.userId)).isAdmin,
    })),
    endpoint(
      { method: 'PUT', path: adminPath, auth: 'admin', body: z.object({ admin: z.boolean() }) },
      async ({ params, body, requester }) => {
        const { userId } = await find(params.userId)
        if (userId === requester.userId && !body.admin) {
          throw errors.unknown(400, 'Administrators do not demote themselves')
        }
        await db.write('set admin', (tx) => users.setFlags(tx, userId, { isAdmin: body.admin }))
        return {}
      },
    ),
    endpoint(
      { method: 'GET', path: '/_synapse/admin/v1/users/{userId}/joined_rooms', auth: 'admin' },
      async ({ params }) => {
        const { userId } = await find(params.userId)
        const joined = await rooms.membership.listJoinedRooms(userId)
        return { joined_rooms: joined, total: joined.length }
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_synapse/admin/v1/username_available',
        auth: 'admin',
        query: z.object({ username: z.string() }),
      },
      async ({ query }) => {
        await accounts.registration.requireAvailable(query.username)
        return { available: true }
      },
    ),
  ]
}
