import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { validate } from '../http/validate.ts'
import { errors } from '../matrix/errors.ts'
import { guestToUpgrade } from './guest-upgrade.ts'
import type { Registered } from './registration.ts'
import { registrationPolicy } from './registration-policy.ts'
import { deviceKeys, deviceRequest, grantJson, requireAppservice } from './requests.ts'
import { emailProof } from './threepids/email-stage.ts'

const registerBody = z.object({
  username: z.string().optional(),
  password: z.string().optional(),
  type: z.string().optional(),
  inhibit_login: z.boolean().optional(),
  guest_access_token: z.string().optional(),
  ...deviceKeys,
})

export function registrationRoutes(ctx: Pick<AppContext, 'config' | 'accounts' | 'emails' | 'serverName'>): Endpoint[] {
  const { accounts, emails, serverName, config } = ctx
  const { registration } = accounts

  const answer = ({ userId, grant }: Registered) =>
    grant ? grantJson(grant, serverName) : { user_id: userId, home_server: serverName }

  const refuseClosed = () => {
    if (!config.registration.enabled) throw errors.forbidden('Registration is closed on this server')
  }

  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/register',
        auth: 'none',
        limit: 'registration',
        query: z.object({ kind: z.enum(['user', 'guest']).default('user') }),
        body: registerBody,
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3register',
      },
      async (request) => {
        if (request.query.kind === 'guest') {
          if (!config.registration.guests) throw errors.forbidden('Guests are not let in on this server')
          return answer(await registration.registerGuest({ displayName: request.body.initial_device_display_name }))
        }
        if (request.body.type === 'm.login.application_service') {
          const appservice = requireAppservice(request, accounts.appservices)
          const { username } = request.body
          if (username === undefined) throw errors.missingParam('Missing key username')
          const inhibitsLogin = request.body.inhibit_login === true
          if (appservice.registration.managesDevices && !inhibitsLogin) {
            throw errors.appserviceLoginUnsupported('This application service registers users with inhibit_login only')
          }
          await registration.requireAvailable(username, appservice)
          const device = inhibitsLogin ? undefined : deviceRequest(request.body)
          return answer(await registration.register({ username, password: undefined, device, appservice }))
        }
        refuseClosed()
        const isUpgrade = (await guestToUpgrade(ctx, request, request.body)) !== undefined
        if (request.body.username !== undefined && !isUpgrade)
          await registration.requireAvailable(request.body.username)
        if (request.body.password !== undefined) accounts.passwords.check(request.body.password)
        const outcome = await accounts.uia.require(request, registrationPolicy(ctx))
        // The schema has accepted this body when the session began.
        const body = validate(registerBody, outcome.body, 'body') as z.output<typeof registerBody>
        if (body.password === undefined) throw errors.missingParam('Missing key password')
        const token = outcome.completed['m.login.registration_token']
        const email = emailProof(outcome.completed)
        const registered = await registration.register({
          username: body.username,
          password: body.password,
          guest: await guestToUpgrade(ctx, request, body),
          device: body.inhibit_login ? undefined : deviceRequest(body),
          registrationToken: typeof token === 'string' ? token : undefined,
          email,
          alongside: async (tx) => {
            if (email) await emails.use(tx, email.sid)
          },
        })
        return answer(registered)
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/register/available',
        auth: 'none',
        limit: 'lookup',
        query: z.object({ username: z.string() }),
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3registeravailable',
      },
      async ({ query }) => {
        refuseClosed()
        await registration.requireAvailable(query.username)
        return { available: true }
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v1/register/m.login.registration_token/validity',
        also: [
          '/_matrix/client/unstable/org.matrix.msc3231/register/org.matrix.msc3231.login.registration_token/validity',
        ],
        auth: 'none',
        limit: 'registration',
        query: z.object({ token: z.string() }),
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1registermloginregistration_tokenvalidity',
      },
      async ({ query }) => {
        refuseClosed()
        return { valid: await accounts.checkRegistrationToken(query.token) }
      },
    ),
  ]
}
