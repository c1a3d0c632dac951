import type { Reader, Tx } from '../../db/database.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { EventId, RoomId, UserId } from '../../matrix/ids.ts'

export type CallKind = 'voice' | 'video'
export type CallOutcome = 'answered' | 'declined' | 'missed' | 'busy' | 'cancelled' | 'failed' | 'unknown'
export type PromptReason = 'timeout' | 'busy' | 'cancelled' | 'declined'

export interface Call {
  /** Ours, opaque and stable. */
  readonly callId: string
  readonly roomId: RoomId
  readonly caller: UserId
  /** Undefined in calls of more than two people. */
  readonly callee: UserId | undefined
  readonly kind: CallKind
  readonly outcome: CallOutcome | 'ringing'
  readonly startedTs: number
  /** Undefined while it goes on. */
  readonly endedTs: number | undefined
  /**
   * Why the caller may be asked for a note; undefined where nobody may be asked (not eligible, answered, failed ...).
   * Settings are not looked at.
   */
  readonly promptReason: PromptReason | undefined
  readonly noteEventId: EventId | undefined
}

/** Runs inside the transaction in which the ledger changes; enqueue jobs there. Called once for each change. */
export interface CallHook {
  opened?(tx: Tx, call: Call): Promise<void>
  settled(tx: Tx, call: Call): Promise<void>
}

/** What the LiveKit server said of a participant. */
export interface ParticipantNews {
  readonly roomId: string
  readonly userId: string
  readonly deviceId?: string
  readonly what: 'joined' | 'left' | 'aborted'
  /** In ms since 1970. */
  readonly ts: number
}

/** What became of a scheduled event. */
export interface DelayedNews {
  readonly roomId: string
  readonly userId: string
  readonly type: string
  readonly stateKey?: string
  readonly content: JsonObject
  readonly what: 'scheduled' | 'restarted' | 'sent' | 'cancelled'
  /** In ms since 1970. */
  readonly ts: number
}

/** What became of each call. */
export interface Calls {
  subscribe(hook: CallHook): void
  getCall(reader: Reader, callId: string): Promise<Call | undefined>
  noteParticipant(tx: Tx, news: ParticipantNews): Promise<void>
  noteDelayed(tx: Tx, news: DelayedNews): Promise<void>
  /** Says by which message the caller left a note. */
  linkNote(tx: Tx, callId: string, eventId: EventId): Promise<void>
  /** The call as its viewer's log shows it. */
  callObject(call: Call, viewer: UserId): JsonObject
}
