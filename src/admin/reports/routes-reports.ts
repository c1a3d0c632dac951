import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'

const link = (anchor: string) => `https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3${anchor}`

/** People tell the administrators what is wrong. */
export function reportRoutes({ admin }: Pick<AppContext, 'admin'>): Endpoint[] {
  const { reports } = admin
  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/rooms/{roomId}/report/{eventId}',
        auth: 'user',
        limit: 'report',
        body: z.object({ reason: z.string().nullish() }),
        spec: link('roomsroomidreporteventid'),
      },
      async ({ params, body, requester }) => {
        await reports.reportEvent(requester.userId, params.roomId, params.eventId, body.reason ?? undefined)
        return {}
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/rooms/{roomId}/report',
        also: ['/_matrix/client/unstable/org.matrix.msc4151/rooms/{roomId}/report'],
        auth: 'user',
        limit: 'report',
        body: z.object({ reason: z.string() }),
        spec: link('roomsroomidreport'),
      },
      async ({ params, body, requester }) => {
        await reports.reportRoom(requester.userId, params.roomId, body.reason)
        return {}
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/users/{userId}/report',
        also: ['/_matrix/client/unstable/org.matrix.msc4260/users/{userId}/report'],
        auth: 'user',
        limit: 'report',
        body: z.object({ reason: z.string() }),
        spec: link('usersuseridreport'),
      },
      async ({ params, body, requester }) => {
        await reports.reportUser(requester.userId, params.userId, body.reason)
        return {}
      },
    ),
  ]
}
