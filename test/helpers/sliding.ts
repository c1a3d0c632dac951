import type { JsonObject } from '../../src/matrix/event.ts'
import type { Client } from './client.ts'
import type { SyncEvent } from './sync.ts'

export const slidingPath = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'
export const v4Path = '/_matrix/client/v4/sync'

export interface SlidingRoom {
  initial?: boolean
  membership: string
  name?: string | null
  avatar?: string | null
  heroes?: { user_id: string; displayname?: string; avatar_url?: string }[]
  is_dm?: boolean
  required_state: SyncEvent[]
  timeline: SyncEvent[]
  prev_batch?: string
  limited?: boolean
  num_live?: number
  unstable_expanded_timeline?: boolean
  expanded_timeline?: boolean
  joined_count?: number
  invited_count?: number
  notification_count?: number
  highlight_count?: number
  bump_stamp: number
  invite_state?: SyncEvent[]
  /** Of the accepted dialect. */
  lists?: string[]
  timeline_events?: SyncEvent[]
  stripped_state?: SyncEvent[]
}

type RoomEvents = { rooms: Record<string, { type: string; content: JsonObject }> }

export interface SlidingBody {
  pos: string
  lists: Record<string, { count: number }>
  rooms: Record<string, SlidingRoom>
  extensions: {
    to_device?: { next_batch: string; events: JsonObject[] }
    e2ee?: {
      device_lists?: { changed: string[]; left: string[] }
      device_one_time_keys_count: Record<string, number>
      device_unused_fallback_key_types: string[]
    }
    account_data?: {
      global: { type: string; content: JsonObject }[]
      rooms: Record<string, { type: string; content: JsonObject }[]>
    }
    receipts?: RoomEvents
    typing?: RoomEvents
  }
}

export interface SlidingOptions {
  conn_id?: string
  lists?: Record<string, object>
  room_subscriptions?: Record<string, object>
  unsubscribe_rooms?: string[]
  extensions?: Record<string, object>
  txn_id?: string
}

/** One request as clients of today send it. */
export function sliding(
  client: Client,
  body: SlidingOptions,
  pos?: string,
  query: { timeout?: number; set_presence?: string } = {},
): Promise<SlidingBody> {
  const search = new URLSearchParams()
  if (pos !== undefined) search.set('pos', pos)
  for (const [key, value] of Object.entries(query)) search.set(key, String(value))
  return client.post<SlidingBody>(`${slidingPath}?${search}`, body)
}

/** What Element X asks for. */
export const elementState: [string, string][] = [
  ['m.room.name', ''],
  ['m.room.encryption', ''],
  ['m.room.member', '$LAZY'],
  ['m.room.member', '$ME'],
  ['m.room.topic', ''],
  ['m.room.avatar', ''],
  ['m.room.canonical_alias', ''],
  ['m.room.power_levels', ''],
  ['org.matrix.msc3401.call.member', '*'],
  ['m.room.join_rules', ''],
  ['m.room.tombstone', ''],
  ['m.room.create', ''],
  ['m.room.history_visibility', ''],
  ['io.element.functional_members', ''],
  ['m.space.parent', '*'],
  ['m.space.child', '*'],
  ['org.matrix.msc3672.beacon_info', '*'],
]

export const elementList = (last: number, more: object = {}) => ({
  ranges: [[0, last]],
  timeline_limit: 1,
  required_state: elementState,
  filters: {},
  ...more,
})

/** What Element X asks for besides rooms on the connection of its room list. */
export const elementExtensions = {
  account_data: { enabled: true },
  receipts: { enabled: true, rooms: ['*'] },
  typing: { enabled: true },
}

export const elementSubscription = {
  timeline_limit: 20,
  required_state: [...elementState, ['m.room.pinned_events', '']],
}

export const stateNames = (events: readonly SyncEvent[] | undefined) =>
  (events ?? []).map(({ type, state_key: key }) => (key ? `${type} ${key}` : type)).sort()
