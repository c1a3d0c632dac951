import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import { grantJson } from './requests.ts'

const path = '/_synapse/admin/v1/register'

/** Registration by scripts that know `registration.shared_secret`, as existing tools do it. */
export function sharedSecretRoutes({
  config,
  accounts,
  serverName,
}: Pick<AppContext, 'config' | 'accounts' | 'serverName'>): Endpoint[] {
  const requireSecret = () => {
    const secret = config.registration.shared_secret
    if (secret === undefined) throw errors.unknown(400, 'Shared secret registration is not enabled')
    return secret
  }

  return [
    endpoint({ method: 'GET', path, auth: 'none', limit: 'registration' }, () => {
      requireSecret()
      return { nonce: accounts.sharedSecret.newNonce() }
    }),
    endpoint(
      {
        method: 'POST',
        path,
        auth: 'none',
        limit: 'registration',
        body: z.object({
          nonce: z.string(),
          username: z.string().min(1),
          password: z.string().min(1).max(512),
          displayname: z.string().optional(),
          admin: z.boolean().default(false),
          user_type: z.string().nullish(),
          mac: z.string(),
          inhibit_login: z.boolean().optional(),
        }),
      },
      async ({ body }) => {
        const secret = requireSecret()
        if (!accounts.sharedSecret.takeNonce(body.nonce)) throw errors.unknown(400, 'The nonce is not known')
        const userType = body.user_type ?? undefined
        if (!accounts.sharedSecret.isSigned(secret, { ...body, userType })) throw errors.forbidden('The HMAC is wrong')
        const { userId, grant } = await accounts.registration.register({
          username: body.username,
          password: body.password,
          displayName: body.displayname,
          isAdmin: body.admin,
          userType,
          device: body.inhibit_login ? undefined : {},
        })
        return grant ? grantJson(grant, serverName) : { user_id: userId, home_server: serverName }
      },
    ),
  ]
}
