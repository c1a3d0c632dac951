import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'

export function sessionRoutes({ accounts, db }: Pick<AppContext, 'accounts' | 'db'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/refresh',
        also: ['/_matrix/client/v1/refresh'],
        auth: 'none',
        limit: 'general',
        body: z.object({ refresh_token: z.string() }),
        spec: `${spec}post_matrixclientv3refresh`,
      },
      async ({ body }) => {
        const grant = await accounts.sessions.refresh(body.refresh_token)
        return {
          access_token: grant.accessToken,
          refresh_token: grant.refreshToken,
          expires_in_ms: grant.expiresInMs,
        }
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/logout',
        auth: 'user-or-guest',
        allowLocked: true,
        allowExpired: true,
        spec: `${spec}post_matrixclientv3logout`,
      },
      async ({ requester: { userId, deviceId } }) => {
        if (deviceId === undefined) throw errors.unknown(400, 'This token belongs to no device')
        await db.write('logout', (tx) => accounts.sessions.end(tx, userId, deviceId))
        return {}
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/logout/all',
        auth: 'user-or-guest',
        allowLocked: true,
        allowExpired: true,
        spec: `${spec}post_matrixclientv3logoutall`,
      },
      async ({ requester }) => {
        await db.write('logout all', (tx) => accounts.sessions.endAll(tx, requester.userId))
        return {}
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/account/whoami',
        auth: 'user-or-guest',
        spec: `${spec}get_matrixclientv3accountwhoami`,
      },
      ({ requester: { userId, deviceId, isGuest } }) => ({
        user_id: userId,
        ...(deviceId !== undefined && { device_id: deviceId }),
        is_guest: isGuest,
      }),
    ),
  ]
}
