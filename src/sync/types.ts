import type { JsonObject } from '../matrix/event.ts'
import type { SyncFilter } from '../matrix/filter-schema.ts'
import type { StreamToken } from '../matrix/stream-token.ts'
import type { ClientEvent } from '../rooms/client-event.ts'
import type { PollRequest } from './poll.ts'

export interface SyncRequest extends PollRequest {
  /** Undefined for an initial sync. */
  readonly since: StreamToken | undefined
  readonly filter: SyncFilter
  readonly fullState: boolean
  /** Which of the state that does not stand in the timeline is sent: what was before it, or what is after it. */
  readonly stateAfter: 'state' | 'state_after' | 'org.matrix.msc4222.state_after'
}

/** Positions that one answer covers: everything after `since` up to and including `to`. */
export interface Window {
  /** Undefined for an initial sync. */
  readonly since: number | undefined
  readonly to: number
}

export interface TimelineSection {
  events: ClientEvent[]
  limited: boolean
  prev_batch: string
}

export interface JoinedRoom {
  timeline: TimelineSection
  state?: { events: ClientEvent[] }
  state_after?: { events: ClientEvent[] }
  'org.matrix.msc4222.state_after'?: { events: ClientEvent[] }
  summary: JsonObject
  ephemeral: { events: JsonObject[] }
  account_data: { events: JsonObject[] }
  /** The accepted name, and the one that clients use today. */
  sticky?: { events: ClientEvent[] }
  msc4354_sticky?: { events: ClientEvent[] }
  unread_notifications?: JsonObject
  unread_thread_notifications?: JsonObject
}

export interface LeftRoom {
  timeline: TimelineSection
  state?: { events: ClientEvent[] }
  state_after?: { events: ClientEvent[] }
  'org.matrix.msc4222.state_after'?: { events: ClientEvent[] }
  account_data: { events: JsonObject[] }
}

export interface RoomSections {
  join?: Record<string, JoinedRoom>
  invite?: Record<string, { invite_state: { events: JsonObject[] } }>
  knock?: Record<string, { knock_state: { events: JsonObject[] } }>
  leave?: Record<string, LeftRoom>
}

export interface SyncResponse {
  next_batch: string
  rooms?: RoomSections
  account_data?: { events: JsonObject[] }
  presence?: { events: JsonObject[] }
  to_device?: { events: JsonObject[] }
  device_lists?: { changed: string[]; left: string[] }
  device_one_time_keys_count?: Record<string, number>
  device_unused_fallback_key_types?: string[]
  'org.matrix.msc2732.device_unused_fallback_key_types'?: string[]
}
