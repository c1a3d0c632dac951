import type { UserId } from '../matrix/ids.ts'

/** On whose behalf something is done. A request's requester is one; so is what a bot makes up. */
export interface Actor {
  readonly userId: UserId
  /** Whose transaction ids count, and who sees them again. */
  readonly deviceId?: string | undefined
  readonly isGuest?: boolean
  /** Server administrators may redact what users of their server sent, and change the directory. */
  readonly isAdmin?: boolean
}
