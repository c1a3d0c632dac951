import type { EventId, RoomId, UserId } from './ids.ts'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

/** Event references as rooms of version 3 and later write them (plain ids) or as versions 1 and 2 do (id and hash pairs). */
export type EventReference = EventId | [EventId, { sha256?: string }]

/**
 * An event in federation format: what is hashed and signed. Keys that we do not know are kept, because hashes
 * cover them. `event_id` stands only in room versions 1 and 2; `room_id` is absent on a create event of version 12.
 */
export interface Pdu {
  type: string
  sender: UserId
  content: JsonObject
  origin_server_ts: number
  depth: number
  prev_events: EventReference[]
  auth_events: EventReference[]
  room_id?: RoomId
  state_key?: string
  event_id?: EventId
  redacts?: EventId
  origin?: string
  hashes?: { sha256: string }
  signatures?: Record<string, Record<string, string>>
  /** For how long others are to keep it at hand, under the accepted name and the one of today. */
  sticky?: Json
  msc4354_sticky?: Json
  unsigned?: JsonObject
}

/** A PDU together with its id, whatever the room version writes it as. */
export interface IdentifiedPdu {
  readonly eventId: EventId
  readonly pdu: Pdu
}
