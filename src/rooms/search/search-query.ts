import type { RoomEventFilter } from '../../matrix/event-filter.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { TextKind } from './text-of.ts'

export type GroupKey = 'room_id' | 'sender'

/** What is looked for: it decides which events are found, and in which order. */
export interface SearchQuery {
  readonly userId: UserId
  readonly term: string
  readonly kinds: readonly TextKind[]
  readonly order: 'rank' | 'recent'
  readonly filter: RoomEventFilter
}

/** One group of the results, of which a request wants more. */
export interface GroupScope {
  readonly key: GroupKey
  readonly value: string
}
