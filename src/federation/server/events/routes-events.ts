import { z } from 'zod'
import type { AppContext } from '../../../context.ts'
import { type Endpoint, endpoint } from '../../../http/endpoint.ts'
import type { Pdu } from '../../../matrix/event.ts'
import type { EventId } from '../../../matrix/ids.ts'
import { nullAsEmptyList } from '../../../matrix/null-as-empty.ts'
import { createRetrieval } from './retrieval.ts'

const spec = 'https://spec.matrix.org/v1.19/server-server-api/'
/** Ids of events are looked up, whatever they are: a row has them or not. */
const eventId = z.string().transform((id) => id as EventId)
const eventIds = z.array(eventId)
const eventList = nullAsEmptyList(eventIds)
const stateQuery = z.object({ event_id: z.string() })

/** What other servers ask of the history of rooms. */
export function eventRoutes(ctx: Pick<AppContext, 'db' | 'rooms' | 'serverName' | 'clock'>): Endpoint[] {
  const retrieval = createRetrieval(ctx)
  const transaction = (pdus: readonly Pdu[]) => ({
    origin: ctx.serverName,
    origin_server_ts: ctx.clock.now(),
    pdus,
  })
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/event/{eventId}',
        auth: 'server',
        spec: `${spec}#get_matrixfederationv1eventeventid`,
      },
      async ({ params, origin }) => transaction([await retrieval.event(origin, params.eventId)]),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/state/{roomId}',
        auth: 'server',
        limit: 'general',
        query: stateQuery,
        spec: `${spec}#get_matrixfederationv1stateroomid`,
      },
      ({ params, query, origin }) => retrieval.state(origin, params.roomId, query.event_id),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/state_ids/{roomId}',
        auth: 'server',
        limit: 'general',
        query: stateQuery,
        spec: `${spec}#get_matrixfederationv1state_idsroomid`,
      },
      ({ params, query, origin }) => retrieval.stateIds(origin, params.roomId, query.event_id),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/event_auth/{roomId}/{eventId}',
        auth: 'server',
        limit: 'general',
        spec: `${spec}#get_matrixfederationv1event_authroomideventid`,
      },
      async ({ params, origin }) => ({
        auth_chain: await retrieval.authChain(origin, params.roomId, params.eventId),
      }),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/backfill/{roomId}',
        auth: 'server',
        query: z.object({ v: eventIds, limit: z.number().int().min(0) }),
        spec: `${spec}#get_matrixfederationv1backfillroomid`,
      },
      async ({ params, query, origin }) =>
        transaction(await retrieval.backfill(origin, params.roomId, query.v, query.limit)),
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/federation/v1/get_missing_events/{roomId}',
        auth: 'server',
        body: z.object({
          earliest_events: eventList,
          latest_events: eventList,
          limit: z.int().min(0).default(10),
          min_depth: z.int().default(0),
        }),
        spec: `${spec}#post_matrixfederationv1get_missing_eventsroomid`,
      },
      async ({ params, body, origin }) => ({
        events: await retrieval.missing(origin, params.roomId, {
          earliest: body.earliest_events,
          latest: body.latest_events,
          limit: body.limit,
          minDepth: body.min_depth,
        }),
      }),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/timestamp_to_event/{roomId}',
        auth: 'server',
        query: z.object({ ts: z.number().int(), dir: z.enum(['f', 'b']) }),
        spec: `${spec}#get_matrixfederationv1timestamp_to_eventroomid`,
      },
      ({ params, query, origin }) => retrieval.byTime(origin, params.roomId, query.ts, query.dir),
    ),
  ]
}
