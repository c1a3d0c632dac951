import type { Database } from '../db/database.ts'
import type { Clock } from '../util/clock.ts'
import { type Bundler, createClientEvents } from './client-event.ts'
import type { Erasures } from './erasure/erasures.ts'
import type { EventCache } from './event-cache.ts'
import type { HistoryFiller } from './history/filler.ts'
import { createRoomHistory, type RoomHistory } from './history/history.ts'
import type { IgnoredUsers } from './ignored.ts'
import type { WholeRooms } from './partial/whole-rooms.ts'
import { createRoomReads, type RoomReads } from './reads.ts'
import { createRoomView } from './room-view.ts'
import { createStateReads, type StateReads } from './state-reads.ts'
import type { States } from './states.ts'
import { createStickyReads } from './sticky/sticky-reads.ts'
import { createTimeline, type Timeline } from './timeline.ts'
import { createVisibility } from './visibility.ts'

/** Everything that looks at rooms and changes nothing. */
export interface RoomReading {
  readonly timeline: Timeline
  readonly state: StateReads
  /** For other features, inside snapshots of theirs. */
  readonly reads: RoomReads
  /** For other servers. */
  readonly history: RoomHistory
}

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly states: States
  readonly events: EventCache
  readonly bundlers: readonly Bundler[]
  readonly ignoredUsers: IgnoredUsers
  readonly erasures: Erasures
  readonly filler: HistoryFiller
  readonly whole: Pick<WholeRooms, 'wait'>
}

export function createRoomReading(deps: Deps): RoomReading {
  const { db, clock, states, events, bundlers, ignoredUsers, erasures, filler, whole } = deps
  const view = createRoomView(states, events)
  const visibility = createVisibility(view, clock)
  const clientEvents = createClientEvents({ clock, view, visibility, bundlers, erasures })
  return {
    timeline: createTimeline({ db, view, visibility, clientEvents, ignoredUsers, filler }),
    state: createStateReads({ db, view, visibility, clientEvents, whole }),
    reads: createRoomReads({
      view,
      visibility,
      clientEvents,
      states,
      events,
      erasures,
      sticky: createStickyReads({ clock, events }),
    }),
    history: createRoomHistory({ view, states, events }),
  }
}
