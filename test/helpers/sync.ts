import type { JsonObject } from '../../src/matrix/event.ts'
import type { Client } from './client.ts'

export interface SyncEvent {
  type: string
  event_id: string
  sender: string
  state_key?: string
  content: JsonObject
  unsigned: JsonObject
  room_id?: string
}

interface Section {
  timeline: { events: SyncEvent[]; limited: boolean; prev_batch: string }
  state?: { events: SyncEvent[] }
  state_after?: { events: SyncEvent[] }
  'org.matrix.msc4222.state_after'?: { events: SyncEvent[] }
  summary?: JsonObject
  ephemeral?: { events: { type: string; content: JsonObject }[] }
  account_data?: { events: { type: string; content: JsonObject }[] }
  unread_notifications?: { notification_count: number; highlight_count: number }
  unread_thread_notifications?: Record<string, { notification_count: number; highlight_count: number }>
}

export interface SyncBody {
  next_batch: string
  rooms?: {
    join?: Record<string, Section>
    leave?: Record<string, Section>
    invite?: Record<string, { invite_state: { events: SyncEvent[] } }>
    knock?: Record<string, { knock_state: { events: SyncEvent[] } }>
  }
  account_data?: { events: { type: string; content: JsonObject }[] }
  to_device?: { events: JsonObject[] }
  device_lists?: { changed: string[]; left: string[] }
  device_one_time_keys_count?: Record<string, number>
}

export interface SyncOptions {
  since?: string
  filter?: object
  timeout?: number
  full_state?: boolean
  use_state_after?: boolean
  'org.matrix.msc4222.use_state_after'?: boolean
}

export function sync(client: Client, { filter, ...query }: SyncOptions = {}): Promise<SyncBody> {
  return client.get<SyncBody>('/_matrix/client/v3/sync', {
    ...query,
    ...(filter === undefined ? {} : { filter: JSON.stringify(filter) }),
  })
}

export const typesOf = (events: readonly SyncEvent[] | undefined) => (events ?? []).map(({ type }) => type)
export const bodiesOf = (events: readonly SyncEvent[] | undefined) => (events ?? []).map(({ content }) => content.body)
