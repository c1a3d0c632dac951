import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import type { RoomEventFilter } from '../matrix/event-filter.ts'
import { roomEventFilter } from '../matrix/filter-schema.ts'
import { audienceOf, positionOf, tokenOf } from './route-parts.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#getting-events-for-a-room'
const membership = z.enum(['join', 'invite', 'knock', 'leave', 'ban'])

function readFilter(text: string | undefined): RoomEventFilter | undefined {
  if (text === undefined || text === '') return undefined
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw errors.invalidParam('filter is not valid JSON')
  }
  const parsed = roomEventFilter.safeParse(json)
  if (!parsed.success) throw errors.invalidParam('filter is not a valid filter')
  return parsed.data
}

const limitOf = (limit: number | undefined, max: number) => Math.min(Math.max(limit ?? 10, 1), max)

/** Events, their neighbours, and pages of history. */
export function roomReadingRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/rooms/{roomId}/messages',
        auth: 'user-or-guest',
        query: z.object({
          dir: z.enum(['b', 'f']),
          from: z.string().optional(),
          to: z.string().optional(),
          limit: z.number().int().optional(),
          filter: z.string().optional(),
        }),
        spec,
      },
      async ({ params, query, requester }) => {
        const filter = readFilter(query.filter)
        const page = await rooms.timeline.messages(audienceOf(requester), params.roomId, {
          dir: query.dir,
          from: positionOf(query.from),
          to: positionOf(query.to),
          limit: limitOf(query.limit ?? filter?.limit, 1000),
          filter,
        })
        return {
          chunk: page.chunk,
          start: tokenOf(page.start),
          ...(page.end === undefined ? {} : { end: tokenOf(page.end) }),
          state: page.state,
        }
      },
    ),
    endpoint(
      { method: 'GET', path: '/_matrix/client/v3/rooms/{roomId}/event/{eventId}', auth: 'user-or-guest', spec },
      ({ params, requester }) => rooms.timeline.event(audienceOf(requester), params.roomId, params.eventId),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/rooms/{roomId}/context/{eventId}',
        auth: 'user-or-guest',
        query: z.object({ limit: z.number().int().optional(), filter: z.string().optional() }),
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#event-context',
      },
      async ({ params, query, requester }) => {
        const context = await rooms.timeline.context(audienceOf(requester), params.roomId, params.eventId, {
          limit: Math.min(Math.max(query.limit ?? 10, 0), 100),
          filter: readFilter(query.filter),
        })
        return {
          event: context.event,
          events_before: context.before,
          events_after: context.after,
          state: context.state,
          start: tokenOf(context.start),
          end: tokenOf(context.end),
        }
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/rooms/{roomId}/members',
        auth: 'user-or-guest',
        query: z.object({
          at: z.string().optional(),
          membership: membership.optional(),
          not_membership: membership.optional(),
        }),
        spec,
      },
      async ({ params, query, requester }) => ({
        chunk: await rooms.state.members(audienceOf(requester), params.roomId, {
          at: positionOf(query.at),
          membership: query.membership,
          notMembership: query.not_membership,
        }),
      }),
    ),
    endpoint(
      { method: 'GET', path: '/_matrix/client/v3/rooms/{roomId}/joined_members', auth: 'user', spec },
      async ({ params, requester }) => ({ joined: await rooms.state.joinedMembers(requester, params.roomId) }),
    ),
    endpoint(
      { method: 'GET', path: '/_matrix/client/v3/rooms/{roomId}/state', auth: 'user-or-guest', spec },
      ({ params, requester }) => rooms.state.all(audienceOf(requester), params.roomId),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}',
        also: ['/_matrix/client/v3/rooms/{roomId}/state/{eventType}'],
        auth: 'user-or-guest',
        query: z.object({ format: z.enum(['content', 'event']).optional() }),
        spec,
      },
      async ({ params, query, requester }) => {
        const { roomId, eventType, stateKey } = params
        const event = await rooms.state.one(audienceOf(requester), roomId, eventType, stateKey)
        return query.format === 'event' ? event : event.content
      },
    ),
  ]
}
