import type { IdentifiedPdu, JsonObject } from '../matrix/event.ts'
import type { EventId, UserId } from '../matrix/ids.ts'
import type { Stickiness } from '../matrix/sticky.ts'

/** An event as whoever causes it describes it; the room's draft adds the rest. */
export interface EventTemplate {
  readonly type: string
  readonly sender: UserId
  readonly content: JsonObject
  /** Present for state events, also when empty. */
  readonly stateKey?: string
  /** The event to redact; written where the room version wants it. */
  readonly redacts?: EventId
  /** Application services may set the time. */
  readonly originServerTs?: number
  readonly transaction?: Transaction
  readonly sticky?: Stickiness | undefined
}

/** What makes a repeated request the same request. */
export interface Transaction {
  readonly deviceId: string
  readonly txnId: string
}

export interface DraftEvent extends IdentifiedPdu {
  readonly transaction: Transaction | undefined
  /** Which delayed event of its sender it was. */
  delayId?: string
}
