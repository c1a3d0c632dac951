import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'

export function openidRoutes({ accounts, serverName }: Pick<AppContext, 'accounts' | 'serverName'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/user/{userId}/openid/request_token',
        auth: 'user',
        limit: 'general',
        body: z.object({}),
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridopenidrequest_token',
      },
      async ({ requester, params }) => {
        if (params.userId !== requester.userId) throw errors.forbidden('You can only prove who you are yourself')
        const { token, expiresInMs } = await accounts.openid.issue(requester.userId)
        return {
          access_token: token,
          token_type: 'Bearer',
          matrix_server_name: serverName,
          expires_in: Math.floor(expiresInMs / 1000),
        }
      },
    ),
    // Whoever holds the token may ask: servers do not sign this request.
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/openid/userinfo',
        auth: 'none',
        limit: 'general',
        query: z.object({ access_token: z.string().optional() }),
        spec: 'https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1openiduserinfo',
      },
      async ({ query: { access_token: token } }) => {
        if (token === undefined) throw errors.missingToken('Missing query parameter access_token')
        const userId = await accounts.openid.verify(token)
        if (userId === undefined) throw errors.unknownToken({}, 'The token is not known or has expired')
        return { sub: userId }
      },
    ),
  ]
}
