import { z } from 'zod'
import { formatStreamToken } from '../../../matrix/stream-token.ts'
import type { ExtensionAnswers, ExtensionRequests, ListFilters, RoomAnswer, Scope, TimelineAnswer } from '../types.ts'

/** What both dialects write alike. Keys that are null count as absent. */

const maxConnId = 255
const maxTimelineLimit = 100
const maxTimeout = 5 * 60_000
const defaultToDevice = 100
const defaultThreads = 100
/** Not accepted yet. */
const stickyKey = 'org.matrix.msc4354.sticky_events'
const defaultSticky = 100
const threadsKey = 'io.element.msc4308.thread_subscriptions'

const invalidParam = { params: { errcode: 'M_INVALID_PARAM' } }

export const connId = z
  .string()
  .refine((text) => text.length <= maxConnId, { error: `has more than ${maxConnId} characters`, ...invalidParam })
  .nullish()
export const presence = z
  .string()
  .refine((text) => ['offline', 'online', 'unavailable'].includes(text), { error: 'is no presence', ...invalidParam })
  .transform((text) => text as 'offline' | 'online' | 'unavailable')

/** An object with at most `max` keys, each fit for the test. */
export function dictionary<V extends z.ZodType>(value: V, max: number, isKey: (key: string) => boolean = () => true) {
  return z
    .record(z.string(), value)
    .refine((entries) => Object.keys(entries).length <= max, { error: `has more than ${max} entries`, ...invalidParam })
    .refine((entries) => Object.keys(entries).every(isKey), {
      error: 'has a name that is not allowed',
      ...invalidParam,
    })
    .nullish()
}

export const timeoutOf = (timeout: number | null | undefined): number => Math.min(timeout ?? 0, maxTimeout)
export const limitOf = (limit: number | null | undefined): number => Math.min(limit ?? 0, maxTimelineLimit)
export const posOf = (pos: string | null | undefined): string | undefined => (pos ? pos : undefined)

const flag = z.boolean().nullish()
const names = z.array(z.string()).nullish()
const types = z.array(z.string().nullable()).nullish()

export const filters = {
  is_dm: flag,
  is_encrypted: flag,
  spaces: names,
  room_types: types,
  not_room_types: types,
  tags: names,
  not_tags: names,
  room_name_like: z.string().nullish(),
}

type Filters = { readonly [K in keyof typeof filters]?: z.output<(typeof filters)[K]> }

export function toFilters(asked: Filters | null | undefined, isInvite: boolean | null | undefined): ListFilters {
  return {
    isDm: asked?.is_dm ?? undefined,
    isEncrypted: asked?.is_encrypted ?? undefined,
    isInvite: isInvite ?? undefined,
    spaces: asked?.spaces ?? undefined,
    roomTypes: asked?.room_types ?? undefined,
    notRoomTypes: asked?.not_room_types ?? undefined,
    tags: asked?.tags ?? undefined,
    notTags: asked?.not_tags ?? undefined,
    roomNameLike: asked?.room_name_like || undefined,
  }
}

const paged = z.object({ enabled: flag, since: z.string().nullish(), limit: z.int().nullish() }).nullish()
const scoped = z.object({ enabled: flag, lists: names, rooms: names }).nullish()

export const extensions = {
  to_device: paged,
  e2ee: z.object({ enabled: flag }).nullish(),
  account_data: scoped,
  receipts: scoped,
  typing: scoped,
  [threadsKey]: z.object({ enabled: flag, limit: z.int().nullish() }).nullish(),
  sticky_events: paged,
  [stickyKey]: paged,
}

type Extensions = { readonly [K in keyof typeof extensions]?: z.output<(typeof extensions)[K]> }

export function toExtensions(asked: Extensions | null | undefined): ExtensionRequests {
  const sticky = asked?.sticky_events ?? asked?.[stickyKey]
  const threads = asked?.[threadsKey]
  return {
    toDevice: toPage(asked?.to_device, defaultToDevice),
    e2ee: asked?.e2ee?.enabled === true,
    accountData: toScope(asked?.account_data),
    receipts: toScope(asked?.receipts),
    typing: toScope(asked?.typing),
    threads: threads?.enabled === true ? (threads.limit ?? defaultThreads) : undefined,
    sticky: toPage(sticky, defaultSticky),
  }
}

function toPage(asked: z.output<typeof paged>, otherwise: number) {
  if (asked?.enabled !== true) return undefined
  return { since: asked.since ?? undefined, limit: asked.limit ?? otherwise }
}

function toScope(asked: z.output<typeof scoped>): Scope | undefined {
  if (asked?.enabled !== true) return undefined
  return { lists: asked.lists ?? undefined, rooms: asked.rooms ?? undefined }
}

export function writeExtensions(answers: ExtensionAnswers, typingKey: string) {
  const { toDevice, e2ee, accountData, receipts, typing, threads, sticky } = answers
  return {
    ...(toDevice && { to_device: toDevice }),
    ...(e2ee && { e2ee }),
    ...(accountData && { account_data: accountData }),
    ...(receipts && { receipts: { rooms: receipts } }),
    ...(typing && { [typingKey]: { rooms: typing } }),
    ...(threads && { [threadsKey]: threads }),
    ...(sticky && { sticky_events: sticky, [stickyKey]: sticky }),
  }
}

/** The keys of a room that mean the same in both dialects. */
export function writeRoom(room: RoomAnswer) {
  return {
    bump_stamp: room.bumpStamp,
    membership: room.membership,
    ...(room.initial && { initial: true }),
    ...(room.avatar !== undefined && { avatar: room.avatar }),
    ...(room.heroes && { heroes: room.heroes }),
    ...(room.isDm !== undefined && { is_dm: room.isDm }),
    ...(room.joinedCount !== undefined && { joined_count: room.joinedCount }),
    ...(room.invitedCount !== undefined && { invited_count: room.invitedCount }),
  }
}

/** How the timeline came about; nothing where it has nothing to say. */
export function writeTimeline({ events, limited, before, numLive }: TimelineAnswer, isInitial: boolean) {
  const isTold = events.length > 0 || limited || isInitial
  if (!isTold) return {}
  return { limited, num_live: numLive, prev_batch: formatStreamToken({ position: before, ephemeral: 0 }) }
}
