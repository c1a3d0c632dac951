import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint, type Requester } from '../../http/endpoint.ts'
import { canonicalEmail } from '../../util/email-address.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'
const base = '/_matrix/client/v3/account/3pid'

const bindBody = z.object({
  id_server: z.string(),
  id_access_token: z.string(),
  sid: z.string(),
  client_secret: z.string(),
})

/** Lets people be found by an address on an identity server, and ends that. */
export function bindingRoutes({ bindings }: Pick<AppContext, 'bindings'>): Endpoint[] {
  const bind = async ({ userId }: Requester, body: z.output<typeof bindBody>) => {
    const access = { idServer: body.id_server, idAccessToken: body.id_access_token }
    await bindings.bind(userId, access, { sid: body.sid, clientSecret: body.client_secret })
    return {}
  }

  return [
    endpoint(
      {
        method: 'POST',
        path: `${base}/bind`,
        also: ['/_matrix/client/unstable/account/3pid/bind'],
        auth: 'user',
        limit: 'general',
        body: bindBody,
        spec: `${spec}post_matrixclientv3account3pidbind`,
      },
      ({ requester, body }) => bind(requester, body),
    ),
    // The older form of the same.
    endpoint(
      {
        method: 'POST',
        path: base,
        auth: 'user',
        limit: 'general',
        body: z.object({ three_pid_creds: bindBody }),
        spec: `${spec}post_matrixclientv3account3pid`,
      },
      ({ requester, body }) => bind(requester, body.three_pid_creds),
    ),
    endpoint(
      {
        method: 'POST',
        path: `${base}/unbind`,
        also: ['/_matrix/client/unstable/account/3pid/unbind'],
        auth: 'user',
        limit: 'general',
        body: z.object({ medium: z.string(), address: z.string(), id_server: z.string().nullish() }),
        spec: `${spec}post_matrixclientv3account3pidunbind`,
      },
      async ({ requester: { userId }, body: { medium, address, id_server: idServer } }) => {
        const canonical = medium === 'email' ? (canonicalEmail(address) ?? address) : address
        const result = await bindings.unbind(userId, { medium, address: canonical }, idServer ?? undefined)
        return { id_server_unbind_result: result }
      },
    ),
  ]
}
