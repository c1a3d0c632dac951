import type { Database } from '../../db/database.ts'
import { isServerName, type ServerName } from '../../matrix/ids.ts'
import { delayAfter } from './queue/deliver.ts'
import { type DestinationPage, listDestinations } from './queue/store-destination-list.ts'
import { type DestinationRow, getDestination } from './queue/store-destinations.ts'
import { countRoomsOfServer, listRoomsOfServer } from './rooms/store-room-servers.ts'

export { type DestinationOrder, destinationOrders } from './queue/store-destination-list.ts'

/** How sending to a server stands; times in ms. */
export interface Destination {
  readonly destination: string
  /** When the last attempt failed, and how long the pause after it is; 0: the last one did not fail. */
  readonly failedTs: number
  readonly pauseMs: number
  readonly failingSince: number | undefined
  readonly lastError: string | undefined
  /** Stream position of the last event that the server has confirmed. */
  readonly sentPos: number | undefined
}

/** For administrators: the servers to which something was ever sent. */
export interface Destinations {
  list(part: string | undefined, page: DestinationPage): Promise<{ total: number; destinations: Destination[] }>
  get(destination: string): Promise<Destination | undefined>
  rooms(
    destination: string,
    page: { limit: number; offset: number },
  ): Promise<{ total: number; rooms: { roomId: string; lastPos: number }[] }>
  /** Tries again now; false where nothing has to be waited out. */
  reset(destination: string): Promise<boolean>
}

interface Deps {
  readonly db: Database
  reset(destination: ServerName): Promise<boolean>
}

const describe = (row: DestinationRow): Destination => ({
  destination: row.destination,
  failedTs: row.attempts > 0 ? row.failed_ts : 0,
  pauseMs: row.attempts > 0 ? delayAfter(row.attempts) : 0,
  failingSince: row.failing_since ?? undefined,
  lastError: row.last_error ?? undefined,
  sentPos: row.sent_pos ?? undefined,
})

export function createDestinations({ db, reset }: Deps): Destinations {
  return {
    list: async (part, page) => {
      const { total, rows } = await db.read((reader) => listDestinations(reader, part, page))
      return { total, destinations: rows.map(describe) }
    },
    get: async (destination) => {
      const row = await db.read((reader) => getDestination(reader, destination))
      return row && describe(row)
    },
    rooms: (destination, page) =>
      db.read(async (reader) => ({
        total: await countRoomsOfServer(reader, destination),
        rooms: (await listRoomsOfServer(reader, destination, page)).map((row) => ({
          roomId: row.room_id,
          lastPos: row.last_pos,
        })),
      })),
    reset: async (destination) => isServerName(destination) && reset(destination),
  }
}
