import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import { requireModerated } from './moderated-account.ts'

const statuses = [
  { action: 'suspend', key: 'suspended', flag: 'isSuspended' },
  { action: 'lock', key: 'locked', flag: 'isLocked' },
] as const

type Status = (typeof statuses)[number]

/** Administrators suspend and lock accounts. */
export function accountStatusRoutes(ctx: Pick<AppContext, 'db' | 'accounts'>): Endpoint[] {
  return statuses.flatMap((status) => statusRoutes(ctx, status))
}

function statusRoutes({ db, accounts }: Pick<AppContext, 'db' | 'accounts'>, status: Status): Endpoint[] {
  const { action, key, flag } = status
  const path = `/_matrix/client/v1/admin/${action}/{userId}` as const
  const also = [`/_matrix/client/unstable/uk.timedout.msc4323/admin/${action}/{userId}`]
  const spec = (method: string) =>
    `https://spec.matrix.org/v1.19/client-server-api/#${method}_matrixclientv1admin${action}userid`

  return [
    endpoint({ method: 'GET', path, also, auth: 'admin', spec: spec('get') }, async ({ params, requester }) => {
      const user = await db.read((reader) => requireModerated(reader, accounts, requester.userId, params.userId))
      return { [key]: user[flag] }
    }),
    endpoint(
      { method: 'PUT', path, also, auth: 'admin', body: z.object({ [key]: z.boolean() }), spec: spec('put') },
      async ({ params, body, requester }) => {
        const value = body[key] === true
        await db.write(action, async (tx) => {
          const { userId } = await requireModerated(tx, accounts, requester.userId, params.userId)
          if (userId === requester.userId) throw errors.forbidden('Administrators do not do this to themselves')
          await accounts.users.setFlags(tx, userId, { [flag]: value })
        })
        return { [key]: value }
      },
    ),
  ]
}
