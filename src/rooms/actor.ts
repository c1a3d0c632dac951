import type { UserId } from '../matrix/ids.ts'

/** On whose behalf something is done. A request's requester is one; so is what a bot makes up. */
export interface Actor {
  readonly userId: UserId
  /** Whose transaction ids count, and who sees them again. */
  readonly deviceId?: string | undefined
  readonly isGuest?: boolean
  /** Server administrators may redact what users of their server sent, and change the directory. */
  readonly isAdmin?: boolean
  /** The application service that acts. */
  readonly appservice?: { readonly id: string }
  /** When it was done, in ms since 1970, where an application service says so; default now. */
  readonly sentTs?: number
}

/** The part of an event's template that says when the actor sent it. */
export function timeOf({ sentTs }: Actor): { originServerTs?: number } {
  return sentTs === undefined ? {} : { originServerTs: sentTs }
}
