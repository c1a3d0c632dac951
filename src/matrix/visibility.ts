/** Who may see an event: https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility */
import type { HistoryVisibility } from './content.ts'
import type { Pdu } from './event.ts'

/** What a room state says about one user. */
export interface VisibilityFacts {
  readonly visibility: HistoryVisibility
  /** `leave` where the room has never heard of the user. */
  readonly membership: string
}

export interface VisibilityQuestion {
  /** In the room state before the event. */
  readonly before: VisibilityFacts
  /** In the room state after the event; differs only where the event is state. */
  readonly after: VisibilityFacts
  /** Whether the user was in the room at any time after the event. */
  readonly joinedLater: boolean
}

/**
 * Whether a user may see an event. A change of the history visibility, and a change of the user's own membership, is
 * seen by those who may see what was before or what comes after.
 */
export function isEventVisible(
  question: VisibilityQuestion,
  event: Pick<Pdu, 'type' | 'state_key'>,
  userId: string,
): boolean {
  const { before, after, joinedLater } = question
  const changesVisibility = event.type === 'm.room.history_visibility' && event.state_key === ''
  const changesMembership = event.type === 'm.room.member' && event.state_key === userId
  if (allows(before.visibility, before.membership, joinedLater)) return true
  return (
    (changesVisibility && allows(after.visibility, before.membership, joinedLater)) ||
    (changesMembership && allows(before.visibility, after.membership, joinedLater))
  )
}

function allows(visibility: HistoryVisibility, membership: string, joinedLater: boolean): boolean {
  if (visibility === 'world_readable' || membership === 'join') return true
  return visibility === 'shared' ? joinedLater : visibility === 'invited' && membership === 'invite'
}

/**
 * Whether another server may have an event that is not its own, by the room state at the event and the memberships of
 * that server's users in it. Servers that may not get it redacted.
 */
export function isVisibleToServer(visibility: HistoryVisibility, memberships: Iterable<string>): boolean {
  if (visibility === 'world_readable' || visibility === 'shared') return true
  for (const membership of memberships) {
    if (membership === 'join' || (membership === 'invite' && visibility === 'invited')) return true
  }
  return false
}
