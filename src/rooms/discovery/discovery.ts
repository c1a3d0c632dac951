import type { Database } from '../../db/database.ts'
import type { FederationTransport } from '../../federation/client/ports.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import type { Aliases } from '../directory/aliases.ts'
import type { HistoryFiller } from '../history/filler.ts'
import type { RoomReads } from '../reads.ts'
import { createEventByTime, type GetEventByTime } from './event-by-time.ts'
import { createHierarchy, type GetHierarchy } from './hierarchy.ts'
import { createMutualRooms, type GetMutualRooms } from './mutual-rooms.ts'
import { createRemoteEventByTime } from './remote-event-by-time.ts'
import { createRemoteRooms } from './remote-rooms.ts'
import { createRoomSummaries, type GetRoomSummary } from './room-summary.ts'
import { createServerHierarchy, type GetServerHierarchy } from './server-hierarchy.ts'
import { createUserSearch, type SearchUsers } from './user-directory.ts'

/** Ways to find rooms, places in them, and people. */
export interface Discovery {
  readonly summary: GetRoomSummary
  readonly hierarchy: GetHierarchy
  /** For other servers. */
  readonly serverHierarchy: GetServerHierarchy
  readonly eventByTime: GetEventByTime
  readonly mutualRooms: GetMutualRooms
  readonly users: SearchUsers
}

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly reads: RoomReads
  readonly serverName: ServerName
  readonly aliases: Pick<Aliases, 'resolve'>
  /** Undefined where this server does not reach others. */
  readonly transport: FederationTransport | undefined
  readonly filler: HistoryFiller
}

export function createDiscovery({ db, clock, serverName, reads, aliases, transport, filler }: Deps): Discovery {
  const remoteByTime = transport && createRemoteEventByTime({ db, serverName, transport, filler })
  const remote = transport && createRemoteRooms({ db, clock, transport, serverName, reads })
  return {
    summary: createRoomSummaries({ db, reads, aliases, remote }),
    hierarchy: createHierarchy({ db, reads, remote }),
    serverHierarchy: createServerHierarchy({ db, reads }),
    eventByTime: createEventByTime({ db, reads, remote: remoteByTime }),
    mutualRooms: createMutualRooms({ db }),
    users: createUserSearch({ db }),
  }
}
