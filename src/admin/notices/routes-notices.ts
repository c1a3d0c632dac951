import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'

const content = z.record(z.string(), z.json())
const body = z.object({
  user_id: z.string(),
  content,
  type: z.string().min(1).default('m.room.message'),
  state_key: z.string().optional(),
})

/** Administrators write to users on behalf of the server, as existing tools do it. */
export function noticeRoutes({ admin }: Pick<AppContext, 'admin'>): Endpoint[] {
  const path = '/_synapse/admin/v1/send_server_notice'
  const toNotice = ({ user_id, type, state_key, content }: z.output<typeof body>) => ({
    target: user_id,
    type,
    stateKey: state_key,
    content,
  })
  return [
    endpoint({ method: 'POST', path, auth: 'admin', body, strictNumbers: true }, async ({ body }) => ({
      event_id: await admin.notices.send({ ...toNotice(body), transaction: undefined }),
    })),
    endpoint(
      { method: 'PUT', path: `${path}/{txnId}`, auth: 'admin', body, strictNumbers: true },
      async ({ params, body, requester }) => {
        const transaction = { adminId: requester.userId, txnId: params.txnId }
        return { event_id: await admin.notices.send({ ...toNotice(body), transaction }) }
      },
    ),
  ]
}
