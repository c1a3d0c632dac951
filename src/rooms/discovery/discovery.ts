import type { Database } from '../../db/database.ts'
import type { Aliases } from '../directory/aliases.ts'
import type { RoomReads } from '../reads.ts'
import { createEventByTime, type GetEventByTime } from './event-by-time.ts'
import { createHierarchy, type GetHierarchy } from './hierarchy.ts'
import { createMutualRooms, type GetMutualRooms } from './mutual-rooms.ts'
import { createRoomSummaries, type GetRoomSummary } from './room-summary.ts'
import { createUserSearch, type SearchUsers } from './user-directory.ts'

/** Ways to find rooms, places in them, and people. */
export interface Discovery {
  readonly summary: GetRoomSummary
  readonly hierarchy: GetHierarchy
  readonly eventByTime: GetEventByTime
  readonly mutualRooms: GetMutualRooms
  readonly users: SearchUsers
}

interface Deps {
  readonly db: Database
  readonly reads: RoomReads
  readonly aliases: Pick<Aliases, 'requireRoomId'>
}

export function createDiscovery({ db, reads, aliases }: Deps): Discovery {
  return {
    summary: createRoomSummaries({ db, view: reads.view, requireRoomId: aliases.requireRoomId }),
    hierarchy: createHierarchy({ db, reads }),
    eventByTime: createEventByTime({ db, reads }),
    mutualRooms: createMutualRooms({ db }),
    users: createUserSearch({ db }),
  }
}
