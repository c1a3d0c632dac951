import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint, type Requester } from '../http/endpoint.ts'
import { errors, MatrixError } from '../matrix/errors.ts'
import { asContent, content } from './route-parts.ts'
import { stickinessOf, stickyQuery } from './sticky/sticky-query.ts'

const timestamp = z.object({ ts: z.union([z.number(), z.string()]).optional() })
/** MSC3911: the files that an encrypted message shows, which nobody but its sender can know. */
const attachments = z.object({
  attach_media: z.array(z.string()).optional(),
  'org.matrix.msc3911.attach_media': z.array(z.string()).optional(),
})
/** MSC4140 in its first form: the event is sent after so many ms. */
const delayParameter = 'org.matrix.msc4140.delay'
const delay = z.object({ [delayParameter]: z.number().int().positive().optional() })
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
export function eventRoutes({ rooms, delayed }: Pick<AppContext, 'rooms' | 'delayed'>): Endpoint[] {
  const { events } = rooms
  type Delayed = Parameters<typeof delayed.schedule>[1]

  async function later(requester: Requester, event: Omit<Delayed, 'delay'>, ms: number) {
    const { maxDelay } = delayed.limits
    if (maxDelay > 0 && ms > maxDelay) {
      throw new MatrixError(400, 'M_UNKNOWN', `The delay may be at most ${maxDelay} ms`, {
        'org.matrix.msc4140.errcode': 'M_MAX_DELAY_EXCEEDED',
        'org.matrix.msc4140.max_delay': maxDelay,
      })
    }
    return { delay_id: await delayed.schedule(requester, { ...event, delay: ms }) }
  }

  return [
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}',
        auth: 'user-or-guest',
        limit: 'message',
        query: timestamp.extend(attachments.shape).extend(delay.shape).extend(stickyQuery.shape),
        body: content,
        strictNumbers: true,
        spec: link('put_matrixclientv3roomsroomidsendeventtypetxnid'),
      },
      async ({ params, query, rawBody, requester }) => {
        const { roomId, eventType: type, txnId } = params
        const content = asContent(rawBody)
        const after = query[delayParameter]
        const sticky = stickinessOf(query)
        if (after !== undefined)
          return later(requester, { roomId, type, stateKey: undefined, content, txnId, sticky }, after)
        return {
          event_id: await events.send(requester, roomId, {
            type,
            content,
            txnId,
            originServerTs: sentTs(requester, query),
            sticky,
            attached: [...(query.attach_media ?? []), ...(query['org.matrix.msc3911.attach_media'] ?? [])],
          }),
        }
      },
    ),
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}',
        also: ['/_matrix/client/v3/rooms/{roomId}/state/{eventType}'],
        auth: 'user-or-guest',
        limit: 'message',
        query: timestamp.extend(delay.shape).extend(stickyQuery.shape),
        body: content,
        strictNumbers: true,
        spec: link('put_matrixclientv3roomsroomidstateeventtypestatekey'),
      },
      async ({ params, query, rawBody, requester }) => {
        const { roomId, eventType: type, stateKey } = params
        const content = asContent(rawBody)
        const after = query[delayParameter]
        const sticky = stickinessOf(query)
        if (after !== undefined)
          return later(requester, { roomId, type, stateKey, content, txnId: undefined, sticky }, after)
        const originServerTs = sentTs(requester, query)
        return {
          event_id: await events.setState(requester, roomId, { type, stateKey, content, originServerTs, sticky }),
        }
      },
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
