/**
 * The dialect that clients speak today, at the path that MSC4186 had before it was accepted. It has no `txn_id` in its
 * answers although requests may carry one: clients that see it come back believe that the server remembers what they
 * asked for, and stop asking.
 */
import { z } from 'zod'
import type { UserId } from '../../../matrix/ids.ts'
import { type StateElement, selectorOf } from '../required-state.ts'
import type { ListRequest, RoomAnswer, RoomConfig, SlidingAnswer, SlidingRequest } from '../types.ts'
import {
  connId,
  dictionary,
  extensions,
  filters,
  limitOf,
  posOf,
  presence,
  timeoutOf,
  toExtensions,
  toFilters,
  writeExtensions,
  writeRoom,
  writeTimeline,
} from './fields.ts'

const maxLists = 100
/** Some clients name every room that they have opened since they were started. */
const maxSubscriptions = 1_000

const roomConfig = {
  timeline_limit: z.int().min(0).nullish(),
  required_state: z.array(z.tuple([z.string(), z.string()])).nullish(),
}
const list = z.object({
  ...roomConfig,
  ranges: z.array(z.tuple([z.int().min(0), z.int().min(0)])).nullish(),
  slow_get_all_rooms: z.boolean().nullish(),
  filters: z.object({ ...filters, is_invite: z.boolean().nullish() }).nullish(),
})

export const requestQuery = z.object({
  pos: z.string().optional(),
  timeout: z.number().int().min(0).optional(),
  set_presence: presence.optional(),
})
export const requestBody = z.object({
  conn_id: connId,
  lists: dictionary(list, maxLists),
  room_subscriptions: dictionary(z.object(roomConfig), maxSubscriptions),
  unsubscribe_rooms: z.array(z.string()).nullish(),
  extensions: z.object(extensions).nullish(),
})

type Who = Pick<SlidingRequest, 'requester' | 'recheck' | 'signal'>

export function readRequest(
  who: Who,
  query: z.output<typeof requestQuery>,
  body: z.output<typeof requestBody>,
): SlidingRequest {
  const { userId } = who.requester
  const subscriptions = Object.entries(body.room_subscriptions ?? {})
  return {
    ...who,
    connId: body.conn_id ?? '',
    pos: posOf(query.pos),
    timeout: timeoutOf(query.timeout),
    lists: new Map(Object.entries(body.lists ?? {}).map(([name, asked]) => [name, toList(userId, asked)])),
    subscriptions: new Map(subscriptions.map(([roomId, asked]) => [roomId, toConfig(userId, asked)])),
    // Clients of this dialect send a subscription once.
    stickySubscriptions: true,
    unsubscribe: body.unsubscribe_rooms ?? [],
    extensions: toExtensions(body.extensions),
  }
}

function toList(userId: UserId, asked: z.output<typeof list>): ListRequest {
  return {
    ...toConfig(userId, asked),
    ranges: asked.slow_get_all_rooms === true ? undefined : (asked.ranges ?? []),
    filters: toFilters(asked.filters, asked.filters?.is_invite),
  }
}

const isLazy = ([type, key]: readonly [string, string]) => type === 'm.room.member' && key === '$LAZY'

function toConfig(userId: UserId, asked: Pick<z.output<typeof list>, keyof typeof roomConfig>): RoomConfig {
  const tuples = asked.required_state ?? []
  const include = tuples.filter((tuple) => !isLazy(tuple)).map(([type, key]) => toElement(userId, type, key))
  return {
    timelineLimit: limitOf(asked.timeline_limit),
    state: selectorOf([{ include, exclude: [], lazyMembers: tuples.some(isLazy) }]),
  }
}

const toElement = (userId: UserId, type: string, key: string): StateElement => ({
  ...(type === '*' ? {} : { type }),
  ...(key === '*' ? {} : { stateKey: key === '$ME' ? userId : key }),
})

export function writeAnswer({ pos, counts, rooms, extensions: answers }: SlidingAnswer) {
  return {
    pos,
    lists: Object.fromEntries([...counts].map(([name, count]) => [name, { count }])),
    rooms: Object.fromEntries([...rooms].map(([roomId, room]) => [roomId, toRoom(room)])),
    extensions: writeExtensions(answers, 'typing'),
  }
}

function toRoom(room: RoomAnswer) {
  const { timeline, unread } = room
  const isPending = room.membership === 'invite' || room.membership === 'knock'
  return {
    ...writeRoom(room),
    ...(room.name && { name: room.name }),
    required_state: room.requiredState ?? [],
    timeline: timeline?.events ?? [],
    ...(timeline && writeTimeline(timeline, room.initial)),
    ...(timeline?.expanded && { unstable_expanded_timeline: true, expanded_timeline: true }),
    ...(unread && { notification_count: unread.notificationCount, highlight_count: unread.highlightCount }),
    // Whatever has this key is an invitation or a knock to clients.
    ...(isPending && { invite_state: room.strippedState ?? [] }),
  }
}
