import { z } from 'zod'
import type { Json, JsonObject } from '../../matrix/event.ts'
import { type EventId, isEventId, type RoomId, type ServerName } from '../../matrix/ids.ts'
import { nullAsEmptyList } from '../../matrix/null-as-empty.ts'
import type { FederationRequest, FederationTransport } from './ports.ts'

/** Of whom to ask for events. */
export interface EventSourceServer {
  readonly destination: ServerName
  readonly signal?: AbortSignal
  /** Since room version 6 an event with numbers that are not canonical JSON is none. */
  readonly isStrict: boolean
}

const timeoutMs = 20_000
/** Whole states, and auth chains of large rooms. */
const longTimeoutMs = 60_000
const largeBytes = 50 * 1024 * 1024

/** What was parsed is JSON; events are looked at one by one by whoever asked. */
const pdus = nullAsEmptyList(z.array(z.custom<Json>((value) => value !== undefined)))
const ids = nullAsEmptyList(z.array(z.string())).transform((list) => list.filter(isEventId))
const encode = encodeURIComponent

type Query = Pick<FederationRequest, 'path'> & Partial<Pick<FederationRequest, 'body' | 'timeoutMs' | 'maxBytes'>>

/** Asks for lists of events, and leaves out of them what only looks like an event. */
async function request<T extends Record<string, unknown>>(
  transport: FederationTransport,
  { destination, signal, isStrict }: EventSourceServer,
  query: Query,
  answer: z.ZodType<T>,
): Promise<{ readonly answer: T; list(key: keyof T & string): Json[] }> {
  const faulty = new Set<string>()
  const found = await transport.request({
    destination,
    method: query.body === undefined ? 'GET' : 'POST',
    timeoutMs,
    ...query,
    ...(signal && { signal }),
    answer,
    onFaults: (faults) => {
      for (const { path } of faults) faulty.add(path.join('/'))
    },
  })
  return {
    answer: found,
    list: (key) => {
      const list: unknown = found[key]
      if (!Array.isArray(list)) return []
      // The schema has made sure that it is JSON.
      return (list as Json[]).filter((_, index) => !(isStrict && faulty.has(`${key}/${index}`)))
    },
  }
}

export interface MissingEventsQuery {
  /** What we have: nothing of it and nothing before it is sent. */
  readonly earliest: readonly EventId[]
  /** What we know of: it is not sent itself. */
  readonly latest: readonly EventId[]
  readonly limit: number
  readonly minDepth: number
}

/** What lies between two sets of events. https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1get_missing_eventsroomid */
export async function requestMissingEvents(
  transport: FederationTransport,
  server: EventSourceServer,
  roomId: RoomId,
  { earliest, latest, limit, minDepth }: MissingEventsQuery,
): Promise<Json[]> {
  const path = `/_matrix/federation/v1/get_missing_events/${encode(roomId)}`
  const body: JsonObject = {
    earliest_events: [...earliest],
    latest_events: [...latest],
    limit,
    min_depth: minDepth,
  }
  return (await request(transport, server, { path, body }, z.object({ events: pdus }))).list('events')
}

/** One event; undefined where what comes is no event. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1eventeventid */
export async function requestEvent(
  transport: FederationTransport,
  server: EventSourceServer,
  eventId: EventId,
): Promise<Json | undefined> {
  const path = `/_matrix/federation/v1/event/${encode(eventId)}`
  return (await request(transport, server, { path }, z.object({ pdus }))).list('pdus')[0]
}

/** Events and those before them, newest first. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid */
export async function requestBackfill(
  transport: FederationTransport,
  server: EventSourceServer,
  roomId: RoomId,
  { from, limit }: { readonly from: readonly EventId[]; readonly limit: number },
): Promise<Json[]> {
  const query = new URLSearchParams([['limit', String(limit)], ...from.map((id): [string, string] => ['v', id])])
  const path = `/_matrix/federation/v1/backfill/${encode(roomId)}?${query}`
  return (await request(transport, server, { path }, z.object({ pdus }))).list('pdus')
}

/** What authorises an event, and what authorises that. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1event_authroomideventid */
export async function requestEventAuth(
  transport: FederationTransport,
  server: EventSourceServer,
  roomId: RoomId,
  eventId: EventId,
): Promise<Json[]> {
  const path = `/_matrix/federation/v1/event_auth/${encode(roomId)}/${encode(eventId)}`
  const query = { path, timeoutMs: longTimeoutMs, maxBytes: largeBytes }
  return (await request(transport, server, query, z.object({ auth_chain: pdus }))).list('auth_chain')
}

/** The ids of the state before an event, and of what authorises it. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid */
export async function requestStateIds(
  transport: FederationTransport,
  server: EventSourceServer,
  roomId: RoomId,
  eventId: EventId,
): Promise<{ state: EventId[]; authChain: EventId[] }> {
  const path = `/_matrix/federation/v1/state_ids/${encode(roomId)}?event_id=${encode(eventId)}`
  const query = { path, timeoutMs: longTimeoutMs, maxBytes: largeBytes }
  const { answer } = await request(transport, server, query, z.object({ pdu_ids: ids, auth_chain_ids: ids }))
  return { state: answer.pdu_ids, authChain: answer.auth_chain_ids }
}

/** The state before an event, and what authorises it. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1stateroomid */
export async function requestState(
  transport: FederationTransport,
  server: EventSourceServer,
  roomId: RoomId,
  eventId: EventId,
): Promise<{ state: Json[]; authChain: Json[] }> {
  const path = `/_matrix/federation/v1/state/${encode(roomId)}?event_id=${encode(eventId)}`
  const query = { path, timeoutMs: longTimeoutMs, maxBytes: largeBytes }
  const found = await request(transport, server, query, z.object({ pdus, auth_chain: pdus }))
  return { state: found.list('pdus'), authChain: found.list('auth_chain') }
}
