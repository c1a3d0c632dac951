import type { UserId } from '../../../matrix/ids.ts'
import type { CallKind, CallOutcome, PromptReason } from '../types.ts'

/** The windows of `voip.calls`, in ms. */
export interface Timings {
  readonly localGrace: number
  readonly remoteGrace: number
  readonly cancelAfter: number
  readonly rejoinWindow: number
  readonly closeSlack: number
  readonly answerMin: number
}

/** What was known about the room when the call began. */
export interface Setting {
  readonly caller: UserId
  /** Null where more than one person could answer. */
  readonly callee: UserId | null
  /** Members that are no people. */
  readonly services: readonly string[]
  /** Whether answers come from another server. */
  readonly isRemote: boolean
  /** Whether the caller may be asked for a note, if it rings. */
  readonly isEligible: boolean
  /** Whether it is a direct chat, in which joining the call is calling. */
  readonly isDirect: boolean
  readonly isCalleeBusy: boolean
}

export interface InviteState {
  readonly callId: string
  readonly eventId: string
  readonly by: UserId
  readonly ts: number
  readonly lifetime: number
  readonly goneTs?: number
  readonly reason?: string
  /** Who answered it, and with which device: the first one, or the one that the caller chose. */
  readonly takenBy?: UserId
  readonly party?: string
}

export interface Leg {
  readonly by: UserId
  readonly device?: string
  readonly session?: string
  readonly eventId?: string
  /** The event that stands now, where it was written anew. */
  readonly latestId?: string
  /** When they came, not counting short absences. */
  readonly from: number
  /** When they came for the last time. */
  readonly since: number
  readonly until: number
  readonly to?: number
}

export interface RingState {
  readonly eventId: string
  readonly ts: number
  readonly lifetime: number | null
}

export interface Decision {
  readonly outcome: CallOutcome
  readonly reason: PromptReason | null
  /** When it became certain. */
  readonly ts: number
  /** When it ended; null where it goes on. */
  readonly endedTs: number | null
}

/** All that is kept of a call to judge it. It is stored as JSON. */
export interface CallState extends Setting {
  readonly openedTs: number
  readonly kind: CallKind | null
  readonly invites: readonly InviteState[]
  readonly legs: Readonly<Record<string, Leg>>
  readonly ring: RingState | null
  readonly answeredTs: number | null
  readonly declinedTs: number | null
  readonly busyTs: number | null
  readonly failedTs: number | null
  readonly redactedTs: number | null
  /** When the callee left the room. */
  readonly outTs: number | null
  readonly decision: Decision | null
}

/** A call of which nothing is known but its beginning. */
export function newCall(setting: Setting, openedTs: number, legs: CallState['legs'] = {}): CallState {
  return {
    ...setting,
    openedTs,
    kind: null,
    invites: [],
    legs,
    ring: null,
    answeredTs: null,
    declinedTs: null,
    busyTs: null,
    failedTs: null,
    redactedTs: null,
    outTs: null,
    decision: null,
  }
}

/** Whether this person can answer. */
export function isParty(call: Setting, userId: string): boolean {
  if (call.callee !== null) return userId === call.callee
  return userId !== call.caller && !call.services.includes(userId)
}

export const legsOf = (call: Pick<CallState, 'legs'>): Leg[] => Object.values(call.legs)

export const isOpenLeg = (leg: Leg, now: number): boolean => leg.to === undefined && leg.until > now
