import type { UserId } from '../../../matrix/ids.ts'
import type { CallKind } from '../types.ts'

interface By {
  readonly by: UserId
  /** When it happened, in ms since 1970. */
  readonly ts: number
}

/** Somebody calls with `m.call.invite`. */
export interface Invite extends By {
  readonly what: 'invite'
  readonly callId: string
  readonly eventId: string
  /** For how long it rings, in ms. */
  readonly lifetime: number
  readonly kind: CallKind
  readonly invitee: string | undefined
}

/** What is said about an earlier `m.call.invite`. */
export interface InviteReply extends By {
  readonly what: 'answer' | 'select' | 'reject' | 'hangup'
  readonly callId: string
  readonly reason: string | undefined
  /** The device that says it, or that is chosen with `select`; undefined with version 0. */
  readonly party?: string | undefined
}

/** A way in which somebody is in a call, such as one membership. */
export interface Present extends By {
  readonly what: 'present'
  readonly leg: string
  /** Whether it begins with this, as against being refreshed. */
  readonly isFresh: boolean
  readonly device?: string | undefined
  /** Names one stay of a device, where the client does. */
  readonly session?: string | undefined
  readonly eventId?: string | undefined
  readonly kind?: CallKind | undefined
  /** When it ends if it is not refreshed, in ms since 1970. */
  readonly until: number
}

/** A leg has ended; without one, all of the device, or of the user. */
export interface Gone extends By {
  readonly what: 'gone'
  readonly leg?: string | undefined
  readonly device?: string | undefined
}

export interface Ring extends By {
  readonly what: 'ring'
  readonly eventId: string
  /** Undefined where it cannot be read. */
  readonly lifetime: number | undefined
  readonly kind: CallKind | undefined
}

export interface Decline extends By {
  readonly what: 'decline'
  /** The event that rang. */
  readonly target: string
}

/** An encrypted event that shows which other one it is about. */
export interface Reference extends By {
  readonly what: 'reference'
  readonly eventId: string
  readonly target: string
}

/** An encrypted event that is kept for a time, as memberships are in encrypted rooms. */
export interface Sealed extends By {
  readonly what: 'sealed'
  readonly eventId: string
}

/** Somebody is not in the room any more. */
export interface Out extends By {
  readonly what: 'out'
}

export interface Redacted {
  readonly what: 'redacted'
  readonly eventId: string
  readonly ts: number
}

/** One thing that the server has seen and that says something about a call. */
export type Evidence = Invite | InviteReply | Present | Gone | Ring | Decline | Reference | Sealed | Out | Redacted

/** Evidence with which a call can begin. */
export type Opening = Invite | Present | Ring
