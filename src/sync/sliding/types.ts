import type { JsonObject } from '../../matrix/event.ts'
import type { ClientEvent } from '../../rooms/client-event.ts'
import type { PollRequest } from '../poll.ts'
import type { StateSelector } from './required-state.ts'

/** What of a room a client wants to see. */
export interface RoomConfig {
  readonly timelineLimit: number
  readonly state: StateSelector
}

/** All given conditions must hold. */
export interface ListFilters {
  readonly isDm?: boolean | undefined
  readonly isEncrypted?: boolean | undefined
  readonly isInvite?: boolean | undefined
  /** Ids of spaces; the room must be a child of one of them. */
  readonly spaces?: readonly string[] | undefined
  /** Types of rooms; null stands for rooms without one. */
  readonly roomTypes?: readonly (string | null)[] | undefined
  readonly notRoomTypes?: readonly (string | null)[] | undefined
  readonly tags?: readonly string[] | undefined
  readonly notTags?: readonly string[] | undefined
  /** Part of the name, in any case of letters. */
  readonly roomNameLike?: string | undefined
}

/** First and last index, both included. */
export type Range = readonly [number, number]

export interface ListRequest extends RoomConfig {
  /** Undefined: all rooms. */
  readonly ranges: readonly Range[] | undefined
  readonly filters: ListFilters
}

/** Which rooms an extension tells of; undefined: those of all lists, of all subscriptions. */
export interface Scope {
  readonly lists: readonly string[] | undefined
  readonly rooms: readonly string[] | undefined
}

/** The extensions that are asked for. */
export interface ExtensionRequests {
  readonly toDevice: { readonly since: string | undefined; readonly limit: number } | undefined
  readonly e2ee: boolean
  readonly accountData: Scope | undefined
  readonly receipts: Scope | undefined
  readonly typing: Scope | undefined
  /** How many changes at most. */
  readonly threads: number | undefined
  /** The client's own token, and how many at most. */
  readonly sticky: { readonly since: string | undefined; readonly limit: number } | undefined
}

/** A request as all dialects mean it. */
export interface SlidingRequest extends PollRequest {
  readonly connId: string
  readonly pos: string | undefined
  readonly lists: ReadonlyMap<string, ListRequest>
  readonly subscriptions: ReadonlyMap<string, RoomConfig>
  /** Whether subscriptions hold until they are ended, or only for the request that names them. */
  readonly stickySubscriptions: boolean
  readonly unsubscribe: readonly string[]
  readonly extensions: ExtensionRequests
}

export interface Hero {
  readonly user_id: string
  readonly displayname?: string
  readonly avatar_url?: string
}

/** What an answer says of a room; what is undefined has not changed. */
export interface RoomAnswer {
  readonly membership: string
  /** The client must forget what it knew of the room. */
  readonly initial: boolean
  /** The lists in whose window the room is. */
  readonly lists: readonly string[]
  readonly bumpStamp: number
  /** Null: there is none any more. */
  readonly name?: string | null | undefined
  readonly avatar?: string | null | undefined
  readonly heroes?: readonly Hero[] | undefined
  readonly isDm?: boolean | undefined
  readonly requiredState?: readonly ClientEvent[] | undefined
  /** State that there is no more. */
  readonly removedState?: readonly { readonly type: string; readonly state_key: string }[] | undefined
  readonly timeline?: TimelineAnswer | undefined
  readonly joinedCount?: number | undefined
  readonly invitedCount?: number | undefined
  readonly unread?: { readonly notificationCount: number; readonly highlightCount: number } | undefined
  /** For somebody who has not been in the room. */
  readonly strippedState?: readonly JsonObject[] | undefined
}

export interface TimelineAnswer {
  readonly events: readonly ClientEvent[]
  /** Stream position from which on history goes backwards. */
  readonly before: number
  readonly limited: boolean
  /** How many of the last events have happened since the request before. */
  readonly numLive: number
  /** Whether older events are there because the client now wants more of them. */
  readonly expanded: boolean
}

/** What the extensions answer, each only where it has something to say. */
export interface ExtensionAnswers {
  readonly toDevice?: { readonly next_batch: string; readonly events: readonly JsonObject[] } | undefined
  readonly e2ee?: JsonObject | undefined
  readonly accountData?: AccountDataAnswer | undefined
  readonly receipts?: RoomEvents | undefined
  readonly typing?: RoomEvents | undefined
  readonly threads?: object | undefined
  readonly sticky?: object | undefined
}

export interface AccountDataAnswer {
  readonly global: readonly JsonObject[]
  readonly rooms: Readonly<Record<string, readonly JsonObject[]>>
}

/** One event for each room. */
export type RoomEvents = Readonly<Record<string, JsonObject>>

export interface SlidingAnswer {
  readonly pos: string
  /** How many rooms each list has. */
  readonly counts: ReadonlyMap<string, number>
  readonly rooms: ReadonlyMap<string, RoomAnswer>
  readonly extensions: ExtensionAnswers
}
