import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { validate } from '../../http/validate.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { canonicalEmail } from '../../util/email-address.ts'
import { confirmAction } from '../confirmation.ts'
import type { Address } from '../identity-servers/identity-servers.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'
const base = '/_matrix/client/v3/account/3pid'

const threepidBody = z.object({ medium: z.string(), address: z.string(), id_server: z.string().nullish() })
const addBody = z.object({ sid: z.string(), client_secret: z.string() })

type Context = Pick<AppContext, 'accounts' | 'bindings' | 'db' | 'emails' | 'limiter'>

/** The mail addresses of an account. */
export function threepidRoutes(ctx: Context): Endpoint[] {
  const { accounts, bindings, db, emails } = ctx
  const { threepids } = accounts

  return [
    endpoint(
      { method: 'GET', path: base, auth: 'user', spec: `${spec}get_matrixclientv3account3pid` },
      async ({ requester: { userId } }) => {
        const list = await db.read((reader) => threepids.list(reader, userId))
        return {
          threepids: list.map(({ medium, address, validatedTs, addedTs }) => ({
            medium,
            address,
            validated_at: validatedTs,
            added_at: addedTs,
          })),
        }
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: `${base}/add`,
        also: ['/_matrix/client/unstable/account/3pid/add'],
        auth: 'user',
        limit: 'login',
        body: addBody.partial(),
        spec: `${spec}post_matrixclientv3account3pidadd`,
      },
      async (request) => {
        const { requester } = request
        // An application service answers for its users itself.
        const body = requester.appservice ? request.body : (await confirmAction(ctx, request)).body
        const { sid, client_secret: clientSecret } = validate(addBody, body, 'body') as z.output<typeof addBody>
        const email = await emails.require('add', { sid, clientSecret }).catch(refuse)
        await db.write('add email', async (tx) => {
          await emails.use(tx, sid)
          await threepids.add(tx, requester.userId, email)
        })
        return {}
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: `${base}/delete`,
        also: ['/_matrix/client/unstable/account/3pid/delete'],
        auth: 'user',
        limit: 'general',
        body: threepidBody,
        spec: `${spec}post_matrixclientv3account3piddelete`,
      },
      async ({ requester: { userId }, body }) => {
        const threepid = canonicalOf(body)
        await db.write('remove address', (tx) => threepids.remove(tx, userId, threepid.medium, threepid.address))
        return { id_server_unbind_result: await bindings.unbind(userId, threepid, body.id_server ?? undefined) }
      },
    ),
  ]
}

function canonicalOf({ medium, address }: Address): Address {
  return { medium, address: medium === 'email' ? (canonicalEmail(address) ?? address) : address }
}

/** Here 401 would ask for the password again. */
function refuse(error: unknown): never {
  if (error instanceof MatrixError && error.status === 401) {
    throw new MatrixError(400, 'M_THREEPID_AUTH_FAILED', error.message)
  }
  throw error
}
