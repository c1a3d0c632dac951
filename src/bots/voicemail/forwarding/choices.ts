import { fieldOf, stringOf } from '../../../matrix/content.ts'
import type { JsonObject } from '../../../matrix/event.ts'

/** Where else somebody wants to have the notes for them. */
export interface ForwardingChoices {
  /** To the first mail address of the account. */
  readonly byMail: boolean
  /** A room in which others look after them, such as the team of a support account. */
  readonly inboxRoom: string | undefined
  /** Pinned in the conversation until they are played. */
  readonly isPinned: boolean
}

/** Reads the keys `email`, `inbox_room` and `pin` of the settings; whatever has another type is as good as absent. */
export function readForwarding(content: JsonObject | undefined): ForwardingChoices {
  const data = { content: content ?? {} }
  return {
    byMail: fieldOf(data, 'email') === true,
    inboxRoom: stringOf(data, 'inbox_room') || undefined,
    isPinned: fieldOf(data, 'pin') === true,
  }
}
