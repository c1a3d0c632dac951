import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint, type Requester } from '../http/endpoint.ts'
import type { UiaPolicy } from '../http/uia.ts'
import { errors } from '../matrix/errors.ts'
import type { Json } from '../matrix/event.ts'
import { isUserId, type UserId } from '../matrix/ids.ts'
import { confirmAction, confirmationPolicy } from './confirmation.ts'
import { emailProof, emailStage, passwordEmailStage } from './threepids/email-stage.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'

export function passwordRoutes(
  ctx: Pick<AppContext, 'accounts' | 'bindings' | 'db' | 'limiter' | 'emails'>,
): Endpoint[] {
  const { accounts, bindings, db, emails } = ctx

  async function changePolicy(userId: UserId | undefined): Promise<UiaPolicy> {
    const { flows, stages } = await confirmationPolicy(ctx, userId)
    if (!emails.isEnabled) return { flows, stages }
    return { flows: [...flows, [emailStage]], stages: { ...stages, [emailStage]: passwordEmailStage(ctx) } }
  }

  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/account/password',
        auth: 'optional',
        limit: 'login',
        body: z.object({ new_password: z.string().optional(), logout_devices: z.boolean().optional() }),
        spec: `${spec}post_matrixclientv3accountpassword`,
      },
      async (request) => {
        refuseGuest(request.requester)
        if (request.body.new_password !== undefined) accounts.passwords.check(request.body.new_password)
        const { body, completed } = await accounts.uia.require(request, await changePolicy(request.requester?.userId))
        const userId = provenUser(request.requester, completed)
        if (typeof body.new_password !== 'string') throw errors.missingParam('Missing key new_password')
        const passwordHash = await accounts.passwords.hash(body.new_password)
        await db.write('change password', async (tx) => {
          const proof = emailProof(completed)
          if (proof) {
            await emails.use(tx, proof.sid)
            if ((await accounts.threepids.ownerOf(tx, proof.address)) !== userId) throw errors.threepidAuthFailed()
          }
          if ((await accounts.users.get(tx, userId))?.isLocked) throw errors.userLocked()
          await accounts.users.setPassword(tx, userId, passwordHash)
          if (body.logout_devices !== false) await accounts.sessions.endAll(tx, userId, request.requester?.deviceId)
        })
        return {}
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/account/deactivate',
        auth: 'optional',
        limit: 'login',
        body: z.object({ erase: z.boolean().optional(), id_server: z.string().nullish() }),
        spec: `${spec}post_matrixclientv3accountdeactivate`,
      },
      async (request) => {
        refuseGuest(request.requester)
        const { requester } = request
        // An application service answers for its users itself.
        const outcome = requester?.appservice ? undefined : await confirmAction(ctx, request)
        const userId = provenUser(requester, outcome?.completed ?? {})
        const { erase, id_server: idServer } = outcome?.body ?? request.body
        const result = await bindings.unbindAll(userId, typeof idServer === 'string' ? idServer : undefined)
        await db.write('deactivate', (tx) => accounts.users.deactivate(tx, userId, erase === true))
        return { id_server_unbind_result: result }
      },
    ),
  ]
}

/** Whom a password belonged to; the requester where there is one. */
function provenUser(requester: Requester | undefined, completed: Readonly<Record<string, Json>>): UserId {
  const proven = completed['m.login.password'] ?? emailProof(completed)?.userId
  if (requester) return requester.userId
  if (typeof proven === 'string' && isUserId(proven)) return proven
  throw errors.forbidden()
}

function refuseGuest(requester: Requester | undefined): void {
  if (requester?.isGuest) throw errors.guestAccessForbidden()
}
