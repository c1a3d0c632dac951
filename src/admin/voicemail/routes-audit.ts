import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'

const ts = z.int().min(0).optional()
const query = z.object({
  limit: z.int().min(1).max(1000).default(100),
  from: z.int().min(1).optional(),
  user_id: z.string().optional(),
  room_id: z.string().optional(),
  since_ts: ts,
  until_ts: ts,
})

/** What the server sent in whose name, and by what right. */
export function voicemailAuditRoutes({ voicemail }: Pick<AppContext, 'voicemail'>): Endpoint[] {
  const path = '/_ringback/admin/v1/voicemail/audit'
  return [
    endpoint({ method: 'GET', path, auth: 'admin', query }, async ({ query: wanted }) => {
      const { from: before, user_id: userId, room_id: roomId, since_ts: from, until_ts: to, limit } = wanted
      const found = await voicemail.listAudit({ userId, roomId, from, to, before }, limit)
      const last = found.length === limit ? found.at(-1) : undefined
      return {
        entries: found.map(({ audit_nid: _, ...entry }) => entry),
        ...(last && { next: last.audit_nid }),
      }
    }),
  ]
}
