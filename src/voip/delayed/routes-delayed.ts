import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import { stickinessOf, stickyQuery } from '../../rooms/sticky/sticky-query.ts'
import type { DelayedAction, DelayedEvent } from './delayed-events.ts'

const spec = 'https://github.com/matrix-org/matrix-spec-proposals/blob/main/proposals/4140-delayed-events-futures.md'
const unstable = '/_matrix/client/unstable/org.matrix.msc4140'
const actions = z.enum(['send', 'cancel', 'restart'])
const scheduling = z.looseObject({
  delay_ms: z.number().int().positive(),
  state_key: z.string().optional(),
  content: z.looseObject({}),
})

/** https://github.com/matrix-org/matrix-spec-proposals/pull/4486 */
const listing = z.object({
  status: z.enum(['scheduled', 'finalised']).optional(),
  delay_id: z.array(z.string()).max(100).optional(),
})

function requireAction(text: string): DelayedAction {
  const parsed = actions.safeParse(text)
  if (!parsed.success) throw errors.unrecognized(404, 'A delayed event can be sent, cancelled or restarted')
  return parsed.data
}

/** The names of all forms of the proposal. */
function show(row: DelayedEvent): JsonObject {
  const end: JsonObject = {
    ...(row.event_id === null ? {} : { event_id: row.event_id }),
    ...(row.error === null ? {} : { error: JSON.parse(row.error) as JsonObject }),
    ...(row.finalised_ts === null ? {} : { finalised_ts: row.finalised_ts }),
  }
  return {
    delay_id: row.delay_id,
    room_id: row.room_id,
    type: row.type,
    ...(row.state_key === null ? {} : { state_key: row.state_key }),
    content: JSON.parse(row.content) as JsonObject,
    delay: row.delay,
    delay_ms: row.delay,
    running_since: row.since_ts,
    running_since_ts: row.since_ts,
    delayed_since_ts: row.since_ts,
    ...end,
    ...(row.finalised_ts === null ? {} : { finalised: end }),
  }
}

/** What became of one that is over. */
function showEnd(row: DelayedEvent): JsonObject {
  const { outcome, delay, since_ts: since, finalised_ts: ts, event_id: eventId, error } = row
  const byDelay = ts !== null && ts >= since + delay ? 'delay' : 'action'
  return {
    delayed_event: show(row),
    outcome: outcome === 'sent' ? 'send' : 'cancel',
    reason: outcome === 'failed' ? 'error' : outcome === 'sent' ? byDelay : 'action',
    ...(error !== null && { error: JSON.parse(error) as JsonObject }),
    ...(eventId !== null && { event_id: eventId }),
    ...(ts !== null && { origin_server_ts: ts }),
  }
}

/** Scheduling, looking after and ending delayed events. */
export function delayedEventRoutes({ delayed }: Pick<AppContext, 'delayed'>): Endpoint[] {
  async function requireOwn(userId: UserId, delayId: string): Promise<DelayedEvent> {
    const row = await delayed.get(delayId)
    if (row?.user_id !== userId) throw errors.notFound('There is no such delayed event')
    return row
  }

  /** In the first form what is over is unknown: clients that come back late then begin anew. */
  async function actAnyhow(delayId: string, action: DelayedAction): Promise<object> {
    try {
      await delayed[action](delayId)
    } catch (error) {
      const isOver = error instanceof MatrixError && error.status === 409
      throw isOver && action === 'restart' ? errors.notFound(error.message) : error
    }
    return {}
  }

  return [
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/client/v3/rooms/{roomId}/delayed_event/{eventType}/{txnId}',
        also: [`${unstable}/rooms/{roomId}/delayed_event/{eventType}/{txnId}`],
        auth: 'user-or-guest',
        limit: 'message',
        query: stickyQuery,
        body: scheduling,
        strictNumbers: true,
        spec,
      },
      async ({ params, query, body, rawBody, requester }) => {
        const { maxDelay } = delayed.limits
        if (body.delay_ms > maxDelay) throw errors.forbidden(`The delay may be at most ${maxDelay} ms`)
        const delayId = await delayed.schedule(requester, {
          roomId: params.roomId,
          type: params.eventType,
          stateKey: body.state_key,
          // The schema has seen that it is an object, which was parsed as JSON.
          content: Object(rawBody).content as JsonObject,
          delay: body.delay_ms,
          sticky: stickinessOf(query),
          txnId: params.txnId,
        })
        return { delay_id: delayId }
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v1/delayed_events/{delayId}/{action}',
        auth: 'user-or-guest',
        limit: 'general',
        spec,
      },
      async ({ params, requester }) => {
        const action = requireAction(params.action)
        const { delay_id: delayId } = await requireOwn(requester.userId, params.delayId)
        await delayed[action](delayId)
        return {}
      },
    ),
    // Whoever knows the id may do it: a client gives it to a service that sees when the client is gone. A token is looked
    // at for the limits alone.
    endpoint(
      {
        method: 'POST',
        path: `${unstable}/delayed_events/{delayId}/{action}`,
        auth: 'optional',
        limit: 'general',
        spec,
      },
      ({ params }) => actAnyhow(params.delayId, requireAction(params.action)),
    ),
    endpoint(
      {
        method: 'POST',
        path: `${unstable}/delayed_events/{delayId}`,
        auth: 'optional',
        limit: 'general',
        body: z.looseObject({ action: actions }),
        spec,
      },
      ({ params, body }) => actAnyhow(params.delayId, body.action),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v1/delayed_events',
        also: [`${unstable}/delayed_events`],
        auth: 'user-or-guest',
        limit: 'general',
        query: listing,
        spec,
      },
      async ({ requester: { userId }, query: { status, delay_id: ids } }) => {
        const isWanted = ({ delay_id: id }: DelayedEvent) => ids === undefined || ids.includes(id)
        const waiting = status === 'finalised' ? [] : (await delayed.list(userId)).filter(isWanted).map(show)
        const over = status === 'scheduled' ? [] : (await delayed.listFinalised(userId, ids)).map(showEnd)
        return {
          ...(status !== 'finalised' && { delayed_events: waiting, scheduled: waiting }),
          ...(status !== 'scheduled' && { finalised: over }),
        }
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v1/delayed_events/{delayId}',
        also: [`${unstable}/delayed_events/{delayId}`],
        auth: 'user-or-guest',
        limit: 'general',
        spec,
      },
      async ({ params, requester }) => show(await requireOwn(requester.userId, params.delayId)),
    ),
  ]
}
