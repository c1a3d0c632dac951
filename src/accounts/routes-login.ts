import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { confirmAction } from './confirmation.ts'
import { deviceKeys, deviceRequest, grantJson, requireAppservice } from './requests.ts'
import type { Sso } from './sso/sso.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'

export function loginRoutes(ctx: Pick<AppContext, 'accounts' | 'db' | 'sso' | 'serverName' | 'limiter'>): Endpoint[] {
  const { accounts, sso, serverName, limiter } = ctx
  const { login } = accounts

  return [
    endpoint(
      { method: 'GET', path: '/_matrix/client/v3/login', auth: 'none', spec: `${spec}get_matrixclientv3login` },
      () => ({
        flows: [
          { type: 'm.login.password' },
          ...(sso.providers.length > 0 ? [ssoFlow(sso.providers)] : []),
          { type: 'm.login.token', get_login_token: true },
          ...(accounts.appservices.isEmpty() ? [] : [{ type: 'm.login.application_service' }]),
        ],
      }),
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/login',
        auth: 'none',
        limit: 'login',
        body: z.object({
          type: z.string(),
          identifier: z.record(z.string(), z.unknown()).optional(),
          user: z.string().optional(),
          password: z.string().optional(),
          token: z.string().optional(),
          ...deviceKeys,
        }),
        spec: `${spec}post_matrixclientv3login`,
      },
      async (request) => {
        const { body } = request
        // The app has parsed it as a JSON object.
        const raw = request.rawBody as JsonObject
        const device = deviceRequest(body)
        switch (body.type) {
          case 'm.login.password': {
            const { name, attemptKey } = await accounts.identify(raw)
            if (body.password === undefined) throw errors.missingParam('Missing key password')
            limiter.take('login', attemptKey)
            return grantJson(await login.withPassword(name, body.password, device), serverName)
          }
          case 'm.login.token':
            if (body.token === undefined) throw errors.missingParam('Missing key token')
            return grantJson(await login.withToken(body.token, device), serverName)
          case 'm.login.application_service': {
            const appservice = requireAppservice(request, accounts.appservices)
            const { name } = await accounts.identify(raw)
            return grantJson(await login.asAppservice(appservice, name, device), serverName)
          }
          default:
            throw errors.unknown(400, 'This way to log in is not supported')
        }
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v1/login/get_token',
        auth: 'user',
        limit: 'login',
        body: z.object({}),
        spec: `${spec}post_matrixclientv1loginget_token`,
      },
      async (request) => {
        await confirmAction(ctx, request)
        const { token, expiresInMs } = await login.createToken(request.requester.userId)
        return { login_token: token, expires_in_ms: expiresInMs }
      },
    ),
  ]
}

function ssoFlow(providers: Sso['providers']) {
  return {
    type: 'm.login.sso',
    identity_providers: providers.map(({ id, name, icon, brand }) => ({
      id,
      name,
      ...(icon !== undefined && { icon }),
      ...(brand !== undefined && { brand }),
    })),
    oauth_aware_preferred: false,
  }
}
