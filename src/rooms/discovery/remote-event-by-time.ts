import type { Database } from '../../db/database.ts'
import { type FederationTransport, RemoteError } from '../../federation/client/ports.ts'
import { queryEventByTime } from '../../federation/client/requests-queries.ts'
import type { EventId, ServerName } from '../../matrix/ids.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { HistoryFiller } from '../history/filler.ts'
import { listServersIn } from '../history/store-history.ts'
import type { Room, StoredEvent } from '../types.ts'

/** Has other servers of a room look for an event that is nearer to a time (ms), and fetches it; true where there is one. */
export type RemoteEventByTime = (
  room: Room,
  ts: number,
  dir: 'f' | 'b',
  nearest: StoredEvent | undefined,
) => Promise<boolean>

interface Deps {
  readonly db: Database
  readonly serverName: ServerName
  readonly transport: FederationTransport
  readonly filler: HistoryFiller
}

const mostServers = 3
const neighbours = 10

export function createRemoteEventByTime({ db, serverName, transport, filler }: Deps): RemoteEventByTime {
  return async ({ nid, roomId }, ts, dir, nearest) => {
    if (!filler.isReady) return false
    const servers = (await db.read((reader) => listServersIn(reader, nid))).filter((server) => server !== serverName)
    for (const server of servers.slice(0, mostServers)) {
      const found = await ask(server, roomId, ts, dir)
      if (found === undefined) continue
      const distance = Math.abs((nearest?.pdu.origin_server_ts ?? Number.POSITIVE_INFINITY) - ts)
      if (Math.abs(found.ts - ts) >= distance) return false
      return filler.fill(roomId, [found.eventId], neighbours)
    }
    return false
  }

  async function ask(destination: ServerName, roomId: string, ts: number, dir: 'f' | 'b') {
    try {
      const answer = await queryEventByTime(transport, destination, { roomId, ts, dir })
      // It is looked up; what it names is checked when it comes.
      return { eventId: answer.event_id as EventId, ts: answer.origin_server_ts }
    } catch (error) {
      if (error instanceof RemoteError || error instanceof FetchError) return undefined
      throw error
    }
  }
}
