import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint, type Requester } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import { asContent, content } from './route-parts.ts'

const timestamp = z.object({ ts: z.union([z.number(), z.string()]).optional() })
/** MSC3911: the files that an encrypted message shows, which nobody but its sender can know. */
const attachments = z.object({
  attach_media: z.array(z.string()).optional(),
  'org.matrix.msc3911.attach_media': z.array(z.string()).optional(),
})
const link = (anchor: string) => `https://spec.matrix.org/v1.19/client-server-api/#${anchor}`

/**
 * Only application services may say when an event was sent; from others the parameter means nothing.
 * https://spec.matrix.org/v1.19/application-service-api/#timestamp-massaging
 */
function sentTs({ appservice }: Requester, { ts }: z.output<typeof timestamp>): number | undefined {
  if (appservice === undefined || ts === undefined) return undefined
  const time = Number(ts)
  if (/^\d+$/.test(String(ts)) && Number.isSafeInteger(time)) return time
  throw errors.invalidParam('Wrong query parameter ts: not a time in whole milliseconds')
}

/** Sending and redacting events. */
export function eventRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  const { events } = rooms
  return [
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}',
        auth: 'user-or-guest',
        limit: 'message',
        query: timestamp.extend(attachments.shape),
        body: content,
        strictNumbers: true,
        spec: link('put_matrixclientv3roomsroomidsendeventtypetxnid'),
      },
      async ({ params, query, rawBody, requester }) => ({
        event_id: await events.send(requester, params.roomId, {
          type: params.eventType,
          content: asContent(rawBody),
          txnId: params.txnId,
          originServerTs: sentTs(requester, query),
          attached: [...(query.attach_media ?? []), ...(query['org.matrix.msc3911.attach_media'] ?? [])],
        }),
      }),
    ),
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}',
        also: ['/_matrix/client/v3/rooms/{roomId}/state/{eventType}'],
        auth: 'user-or-guest',
        limit: 'message',
        query: timestamp,
        body: content,
        strictNumbers: true,
        spec: link('put_matrixclientv3roomsroomidstateeventtypestatekey'),
      },
      async ({ params, query, rawBody, requester }) => ({
        event_id: await events.setState(requester, params.roomId, {
          type: params.eventType,
          stateKey: params.stateKey,
          content: asContent(rawBody),
          originServerTs: sentTs(requester, query),
        }),
      }),
    ),
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}',
        auth: 'user',
        limit: 'message',
        body: content,
        strictNumbers: true,
        spec: link('put_matrixclientv3roomsroomidredacteventidtxnid'),
      },
      async ({ params, rawBody, requester }) => {
        const { redacts: _, ...rest } = asContent(rawBody)
        return { event_id: await events.redact(requester, params.roomId, params.eventId, params.txnId, rest) }
      },
    ),
  ]
}
