/**
 * MSC4186 as it was accepted: everything in the body, state with inclusions and exclusions, subscriptions for one request.
 * https://github.com/matrix-org/matrix-spec-proposals/blob/main/proposals/4186-simplified-sliding-sync.md
 */
import { z } from 'zod'
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

const maxEntries = 100
/** https://spec.matrix.org/v1.19/appendices/#opaque-identifiers */
const opaque = /^[0-9A-Za-z._~-]{1,255}$/
/** The name of the typing extension before MSC4508 was accepted. */
const unstableTyping = 'org.matrix.msc4508.typing'

const elements = z.array(z.object({ type: z.string().nullish(), state_key: z.string().nullish() })).nullish()
const roomConfig = {
  timeline_limit: z.int().min(0),
  required_state: z.object({ include: elements, exclude: elements, lazy_members: z.boolean().nullish() }),
}
const list = z.object({
  ...roomConfig,
  range: z.tuple([z.int().min(0), z.int().min(0)]).nullish(),
  filters: z.object({ ...filters, is_invited: z.boolean().nullish() }).nullish(),
})

export const requestBody = z.object({
  conn_id: connId,
  pos: z.string().nullish(),
  timeout: z.int().min(0).nullish(),
  set_presence: presence.nullish(),
  lists: dictionary(list, maxEntries, (name) => opaque.test(name)),
  room_subscriptions: dictionary(z.object(roomConfig), maxEntries),
  extensions: z.object({ ...extensions, [unstableTyping]: extensions.typing }).nullish(),
})

type Who = Pick<SlidingRequest, 'requester' | 'recheck' | 'signal'>
type Body = z.output<typeof requestBody>

export function readRequest(who: Who, body: Body): SlidingRequest {
  const asked = body.extensions
  return {
    ...who,
    connId: body.conn_id ?? '',
    pos: posOf(body.pos),
    timeout: timeoutOf(body.timeout),
    lists: new Map(Object.entries(body.lists ?? {}).map(([name, value]) => [name, toList(value)])),
    subscriptions: new Map(
      Object.entries(body.room_subscriptions ?? {}).map(([roomId, value]) => [roomId, toConfig(value)]),
    ),
    stickySubscriptions: false,
    unsubscribe: [],
    extensions: toExtensions({ ...asked, typing: asked?.typing ?? asked?.[unstableTyping] }),
  }
}

function toList(asked: z.output<typeof list>): ListRequest {
  return {
    ...toConfig(asked),
    ranges: asked.range ? [asked.range] : undefined,
    filters: toFilters(asked.filters, asked.filters?.is_invited),
  }
}

function toConfig({
  timeline_limit,
  required_state,
}: Pick<z.output<typeof list>, keyof typeof roomConfig>): RoomConfig {
  const { include, exclude, lazy_members: lazyMembers } = required_state
  return {
    timelineLimit: limitOf(timeline_limit),
    state: selectorOf([
      { include: toElements(include), exclude: toElements(exclude), lazyMembers: lazyMembers === true },
    ]),
  }
}

const toElements = (asked: z.output<typeof elements>): StateElement[] =>
  (asked ?? []).map(({ type, state_key: stateKey }) => ({
    ...(type == null ? {} : { type }),
    ...(stateKey == null ? {} : { stateKey }),
  }))

export function writeAnswer({ pos, counts, rooms, extensions: answers }: SlidingAnswer, { extensions: asked }: Body) {
  const typingKey = asked?.typing ? 'typing' : unstableTyping
  return {
    pos,
    lists: Object.fromEntries([...counts].map(([name, count]) => [name, { count }])),
    rooms: Object.fromEntries([...rooms].map(([roomId, room]) => [roomId, toRoom(room)])),
    extensions: writeExtensions(answers, typingKey),
  }
}

function toRoom(room: RoomAnswer) {
  const { timeline, requiredState, removedState = [], strippedState, lists } = room
  return {
    ...writeRoom(room),
    ...(lists.length > 0 && { lists }),
    ...(room.name !== undefined && { name: room.name }),
    ...(requiredState && { required_state: [...requiredState, ...removedState] }),
    ...(timeline && { timeline_events: timeline.events, ...writeTimeline(timeline, room.initial) }),
    ...(timeline?.expanded && { expanded_timeline: true }),
    ...(strippedState && { stripped_state: strippedState }),
  }
}
