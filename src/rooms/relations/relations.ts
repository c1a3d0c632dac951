import type { Database } from '../../db/database.ts'
import type { Bundler, ClientEvents } from '../client-event.ts'
import type { EventCache } from '../event-cache.ts'
import type { IgnoredUsers } from '../ignored.ts'
import type { RoomView } from '../room-view.ts'
import type { Visibility } from '../visibility.ts'
import { createAggregations } from './aggregations.ts'
import { createRelatedEvents, type ListRelated } from './related-events.ts'
import { createThreads, type ListThreads } from './threads.ts'

/** Events that relate to others: https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events */
export interface Relations {
  /** Adds to events what relates to them. */
  readonly bundle: Bundler
  readonly related: ListRelated
  readonly threads: ListThreads
}

interface Deps {
  readonly db: Database
  readonly events: EventCache
  readonly view: RoomView
  readonly visibility: Visibility
  readonly clientEvents: ClientEvents
  readonly ignoredUsers: IgnoredUsers
}

export function createRelations(deps: Deps): Relations {
  return {
    bundle: createAggregations(deps),
    related: createRelatedEvents(deps),
    threads: createThreads(deps),
  }
}
