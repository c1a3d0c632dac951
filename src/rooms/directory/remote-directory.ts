import { type FederationTransport, RemoteError } from '../../federation/client/ports.ts'
import { queryDirectory, queryPublicRooms } from '../../federation/client/requests-queries.ts'
import { errors } from '../../matrix/errors.ts'
import { type RoomAlias, type RoomId, type ServerName, serverOf } from '../../matrix/ids.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { PublicRoomsPage, PublicRoomsRequest } from './public-rooms-page.ts'

/** The directories of other servers. */
export interface RemoteDirectory {
  /** Throws `404` for an alias that its server does not know, `502` where that server cannot be reached. */
  resolve(alias: RoomAlias): Promise<{ roomId: RoomId; servers: ServerName[] }>
  /** Throws `502` where the server cannot be reached. */
  publicRooms(server: ServerName, request: PublicRoomsRequest): Promise<PublicRoomsPage>
}

export function createRemoteDirectory(transport: FederationTransport): RemoteDirectory {
  const ask = async <T>(server: ServerName, question: Promise<T>): Promise<T> => {
    try {
      return await question
    } catch (error) {
      if (error instanceof RemoteError && error.status < 500) throw error
      if (!(error instanceof FetchError || error instanceof RemoteError)) throw error
      throw errors.connectionFailed(`${server} cannot be asked`)
    }
  }
  return {
    resolve: async (alias) => {
      const server = serverOf(alias)
      const { roomId, servers } = await ask(server, queryDirectory(transport, server, alias))
      return { roomId, servers: servers.length > 0 ? servers : [server] }
    },
    publicRooms: async (server, { limit, since, search, roomTypes, scope }) => {
      const filter = {
        ...(search === undefined ? {} : { generic_search_term: search }),
        ...(roomTypes === undefined ? {} : { room_types: [...roomTypes] }),
      }
      const page = await ask(
        server,
        queryPublicRooms(transport, server, {
          ...(limit === undefined ? {} : { limit }),
          ...(since === undefined ? {} : { since }),
          ...(Object.keys(filter).length === 0 ? {} : { filter }),
          ...(scope === 'all' ? { include_all_networks: true } : {}),
        }),
      )
      return { ...page, total_room_count_estimate: page.total_room_count_estimate ?? page.chunk.length }
    },
  }
}
