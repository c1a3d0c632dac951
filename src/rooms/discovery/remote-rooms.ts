import type { Database } from '../../db/database.ts'
import { type FederationTransport, RemoteError } from '../../federation/client/ports.ts'
import { queryHierarchy, type RemoteSummary } from '../../federation/client/requests-queries.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { domainOf, isRoomId, isServerName, type ServerName, type UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import { FetchError } from '../../util/fetch-error.ts'
import { LruMap } from '../../util/lru.ts'
import type { RoomReads } from '../reads.ts'

/** A room as another server describes it. */
export interface RemoteRoom {
  readonly summary: RemoteSummary
  /** As that server sent them; undefined where nobody was asked about this very room yet. */
  readonly childrenState: readonly JsonObject[] | undefined
}

/** What other servers tell about rooms that nobody here is in. */
export interface RemoteRooms {
  /**
   * Asks the servers one after the other, and the one in the room's id; undefined where none can tell. With `brief` what
   * was said about the room as the child of another will do.
   */
  find(
    roomId: string,
    via: readonly string[],
    options: { suggestedOnly: boolean; brief?: boolean },
  ): Promise<RemoteRoom | undefined>
  /** Whether the user, or with undefined anybody, may see what the room is; other servers leave that to us. */
  mayPreview(room: RemoteSummary, userId: UserId | undefined): Promise<boolean>
}

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly serverName: ServerName
  readonly transport: FederationTransport
  readonly reads: RoomReads
}

interface Known {
  readonly room: RemoteRoom
  /** Who said so: only those who may be asked anyway are believed. */
  readonly server: ServerName
  readonly until: number
}

const mostServers = 4
const keptForMs = 60_000
const openRules = new Set(['public', 'knock', 'knock_restricted'])

export function createRemoteRooms({ db, clock, serverName, transport, reads }: Deps): RemoteRooms {
  const known = new LruMap<string, Known>(2_000)
  const keyOf = (roomId: string, suggestedOnly: boolean) => `${suggestedOnly} ${roomId}`

  function remember(server: ServerName, room: RemoteRoom, suggestedOnly: boolean): void {
    known.set(keyOf(room.summary.room_id, suggestedOnly), { room, server, until: clock.now() + keptForMs })
  }

  function recall(roomId: string, suggestedOnly: boolean, servers: ReadonlySet<ServerName>): RemoteRoom | undefined {
    const found = known.get(keyOf(roomId, suggestedOnly))
    return found && found.until > clock.now() && servers.has(found.server) ? found.room : undefined
  }

  async function ask(server: ServerName, roomId: string, suggestedOnly: boolean): Promise<RemoteRoom | undefined> {
    try {
      const { room, children } = await queryHierarchy(transport, server, roomId, suggestedOnly)
      const { children_state: childrenState, ...summary } = room
      if (summary.room_id !== roomId) return undefined
      for (const child of children) {
        // Only the space itself says which rooms are in it.
        const childrenOfChild = child.room_type === 'm.space' ? undefined : []
        const isKnown = recall(child.room_id, suggestedOnly, new Set([server])) !== undefined
        if (!isKnown) remember(server, { summary: child, childrenState: childrenOfChild }, suggestedOnly)
      }
      const found = { summary, childrenState }
      remember(server, found, suggestedOnly)
      return found
    } catch (error) {
      if (error instanceof RemoteError || error instanceof FetchError) return undefined
      throw error
    }
  }

  async function isJoined(userId: UserId, roomId: string, memberships: readonly string[]): Promise<boolean> {
    return db.read(async (reader) => {
      const room = await reads.roomById(reader, roomId)
      const row = room && (await reads.membership(reader, room.nid, userId))
      return row !== undefined && memberships.includes(row.membership)
    })
  }

  return {
    find: async (roomId, via, { suggestedOnly, brief = false }) => {
      const origin = isRoomId(roomId) ? domainOf(roomId) : undefined
      const servers = new Set([...via.filter(isServerName), ...(origin === undefined ? [] : [origin])])
      servers.delete(serverName)
      const recalled = recall(roomId, suggestedOnly, servers)
      if (recalled && (brief || recalled.childrenState !== undefined)) return recalled
      for (const server of [...servers].slice(0, mostServers)) {
        const found = await ask(server, roomId, suggestedOnly)
        if (found !== undefined) return found
      }
      return undefined
    },
    mayPreview: async (
      { room_id: roomId, world_readable: isReadable, join_rule: rule, allowed_room_ids: allowed },
      userId,
    ) => {
      // Servers that say no join rule mean public ones.
      if (isReadable || openRules.has(rule ?? 'public')) return true
      if (userId === undefined) return false
      if (await isJoined(userId, roomId, ['join', 'invite', 'knock'])) return true
      for (const id of rule === 'restricted' ? (allowed ?? []) : [])
        if (await isJoined(userId, id, ['join'])) return true
      return false
    },
  }
}
