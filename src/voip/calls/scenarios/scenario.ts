import type { JsonObject } from '../../../matrix/event.ts'
import type { CallOutcome, PromptReason } from '../types.ts'

/** `alice` is the one who calls; `carol` is in groups only. */
export type Person = 'alice' | 'bob' | 'carol'

/**
 * What a client does. In contents `$name` stands for the event id of the step of that name, and `@alice` for a user id.
 * In an encrypted room events that are no state and no reaction are seen as `m.room.encrypted`, with their relation.
 */
export interface Step {
  /** Seconds since the beginning. */
  readonly at: number
  readonly who: Person
  readonly name?: string
  readonly does:
    | { readonly sends: string; readonly content: JsonObject; readonly isSticky?: boolean }
    | { readonly sets: string; readonly key: string; readonly content: JsonObject }
    | { readonly redacts: string }
    | { readonly sfu: 'joined' | 'left' | 'aborted'; readonly device: string }
    | {
        readonly delayed: 'scheduled' | 'restarted' | 'sent' | 'cancelled'
        readonly type: string
        readonly key?: string
        readonly content: JsonObject
      }
  /** Seconds by which the event comes later than its sender says it happened. */
  readonly late?: number
}

export interface Scenario {
  readonly name: string
  readonly isEncrypted?: boolean
  /** Whether the room is a direct chat of the caller's. */
  readonly isDirect?: boolean
  readonly isPublic?: boolean
  readonly isRemote?: boolean
  readonly isGroup?: boolean
  readonly steps: readonly Step[]
  /** One entry for each call, in order: what became of it, and why its caller may be asked; `at`: when that is certain. */
  readonly expect: readonly Expected[]
}

export interface Expected {
  readonly outcome: CallOutcome
  readonly prompt?: PromptReason
  readonly at?: number
  /** Only where it is not alice. */
  readonly caller?: Person
}
