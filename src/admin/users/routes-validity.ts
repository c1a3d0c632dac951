import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'
import { requireAccount } from './find-account.ts'

/** How administrators say when an account ends. */
export function validityRoutes({
  db,
  accounts,
  renewals,
}: Pick<AppContext, 'db' | 'accounts' | 'renewals'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'POST',
        path: '/_synapse/admin/v1/account_validity/validity',
        auth: 'admin',
        body: z.object({
          user_id: z.string(),
          expiration_ts: z.int().min(0).nullish(),
          enable_renewal_emails: z.boolean().nullish(),
        }),
        spec: 'https://element-hq.github.io/synapse/latest/admin_api/account_validity.html',
      },
      async ({ body }) => {
        if (!renewals.isEnabled) throw errors.unrecognized(404, 'Accounts do not end here')
        const end = { expiresTs: body.expiration_ts ?? undefined, mails: body.enable_renewal_emails !== false }
        const expiresTs = await db.write('set end of account', async (tx) => {
          const { userId, isDeactivated } = await requireAccount(tx, accounts, body.user_id)
          if (isDeactivated) throw errors.notFound('The account is deactivated')
          return renewals.setEnd(tx, userId, end)
        })
        return { expiration_ts: expiresTs }
      },
    ),
  ]
}
