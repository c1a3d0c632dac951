import type { Reader, Tx } from '../../../db/database.ts'
import { hasUserIdShape, type ServerName, serverOf } from '../../../matrix/ids.ts'
import { membershipOf } from '../../../matrix/member-content.ts'
import { isServerAllowed } from '../../../matrix/server-acl.ts'
import type { RoomView } from '../../../rooms/room-view.ts'
import type { Room, StoredEvent } from '../../../rooms/types.ts'
import { createYielder } from '../../../util/async.ts'
import {
  deleteRoomServer,
  deleteRoomServers,
  hasLocalMember,
  hasMemberOf,
  hasRoomServer,
  listMembersAfter,
  listRoomServers,
  upsertRoomServer,
} from './store-room-servers.ts'

/** An entry of a state by its name. */
interface Entry {
  readonly type: string
  readonly stateKey: string
}

/** Keeps the table of the servers that are in the rooms in which somebody of ours is. */
export interface RoomServers {
  /** Follows entries of a room's current state that have changed, or in which nothing stands any more. */
  follow(tx: Tx, room: Room, changed: readonly StoredEvent[], removed?: readonly Entry[]): Promise<void>
  /** Servers that are in a room of whose members we know only a few. */
  name(tx: Tx, room: Room, servers: readonly ServerName[]): Promise<void>
  /** All members of a room are known now. */
  complete(tx: Tx, room: Room): Promise<void>
}

const pageSize = 500
const aclType = 'm.room.server_acl'

export function createRoomServers(deps: { serverName: ServerName; view: RoomView }): RoomServers {
  const { serverName, view } = deps

  async function denialOf(reader: Reader, room: Room): Promise<(server: ServerName) => boolean> {
    const acl = (await view.entry(reader, room.stateNid, aclType, ''))?.pdu
    return (server) => server === serverName || !isServerAllowed(acl, server)
  }

  async function listServers(tx: Tx, room: Room): Promise<Set<ServerName>> {
    const servers = new Set<ServerName>()
    const pause = createYielder()
    for (let after = ''; ; await pause()) {
      const page = await listMembersAfter(tx, room.nid, after, pageSize)
      for (const { user_id: userId, membership } of page) {
        if (membership === 'join' && hasUserIdShape(userId)) servers.add(serverOf(userId))
      }
      after = page.at(-1)?.user_id ?? ''
      if (page.length < pageSize) break
    }
    return servers
  }

  async function put(tx: Tx, room: Room, servers: Iterable<ServerName>): Promise<void> {
    const isDenied = await denialOf(tx, room)
    for (const server of servers) await upsertRoomServer(tx, room.nid, server, isDenied(server))
  }

  async function isResident(tx: Tx, room: Room): Promise<boolean> {
    if (await hasRoomServer(tx, room.nid, serverName)) return true
    if (!(await hasLocalMember(tx, room.nid))) return false
    await put(tx, room, await listServers(tx, room))
    return true
  }

  async function followMembers(tx: Tx, room: Room, joined: Set<ServerName>, left: Set<ServerName>): Promise<void> {
    if (joined.size + left.size === 0 || !(await isResident(tx, room))) return
    if (left.has(serverName) && !(await hasLocalMember(tx, room.nid))) {
      await deleteRoomServers(tx, room.nid)
      return
    }
    const isDenied = joined.size > 0 ? await denialOf(tx, room) : undefined
    const pause = createYielder()
    // Others of these servers may be in the room.
    if (room.isPartial) left.clear()
    for (const server of joined) {
      await pause()
      if (server !== serverName && isDenied) await upsertRoomServer(tx, room.nid, server, isDenied(server))
    }
    for (const server of left) {
      await pause()
      if (joined.has(server) || server === serverName || (await hasMemberOf(tx, room.nid, server))) continue
      await deleteRoomServer(tx, room.nid, server)
    }
  }

  async function followAcl(tx: Tx, room: Room): Promise<void> {
    const isDenied = await denialOf(tx, room)
    for (const { server, denied } of await listRoomServers(tx, room.nid)) {
      // The table holds what stood in user ids.
      const isNow = isDenied(server as ServerName)
      if (isNow !== (denied === 1)) await upsertRoomServer(tx, room.nid, server, isNow)
    }
  }

  return {
    name: async (tx, room, servers) => {
      if (await isResident(tx, room)) await put(tx, room, servers)
    },
    complete: async (tx, room) => {
      if (!(await isResident(tx, room))) return
      const servers = await listServers(tx, room)
      await put(tx, room, servers)
      for (const { server } of await listRoomServers(tx, room.nid)) {
        // The table holds what stood in user ids, and what another server named.
        if (!servers.has(server as ServerName)) await deleteRoomServer(tx, room.nid, server)
      }
    },
    follow: async (tx, room, changed, removed = []) => {
      const joined = new Set<ServerName>()
      const left = new Set<ServerName>()
      for (const { pdu } of changed) {
        const userId = pdu.state_key ?? ''
        if (pdu.type !== 'm.room.member' || !hasUserIdShape(userId)) continue
        ;(membershipOf(pdu) === 'join' ? joined : left).add(serverOf(userId))
      }
      for (const { type, stateKey } of removed) {
        if (type === 'm.room.member' && hasUserIdShape(stateKey)) left.add(serverOf(stateKey))
      }
      await followMembers(tx, room, joined, left)
      if ([...changed.map(({ pdu }) => pdu), ...removed].some(({ type }) => type === aclType)) await followAcl(tx, room)
    },
  }
}
