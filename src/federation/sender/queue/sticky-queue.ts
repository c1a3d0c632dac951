import type { Tx } from '../../../db/database.ts'
import type { Streams } from '../../../db/streams.ts'
import { hasUserIdShape, type ServerName, serverOf } from '../../../matrix/ids.ts'
import { membershipOf } from '../../../matrix/member-content.ts'
import type { RoomReads } from '../../../rooms/reads.ts'
import type { PersistedBatch, Room } from '../../../rooms/types.ts'
import { hasRoomServer, isInRoom } from '../rooms/store-room-servers.ts'
import { queueForServer } from './store-queue.ts'

/** Servers that come into a room are sent what is sticky there of ours: https://github.com/matrix-org/matrix-spec-proposals/pull/4354 */
export interface StickyQueue {
  /** Servers that were not in the room before the batch; none where nothing is sticky. */
  newcomers(tx: Tx, batch: PersistedBatch): Promise<ServerName[]>
  /** Queues it for those of them that are in the room now. Returns these. */
  queue(tx: Tx, room: Room, newcomers: readonly ServerName[]): Promise<ServerName[]>
}

interface Deps {
  readonly serverName: ServerName
  readonly streams: Streams
  readonly clock: { now(): number }
  readonly reads: Pick<RoomReads, 'sticky'>
}

export function createStickyQueue({ serverName, streams, clock, reads }: Deps): StickyQueue {
  return {
    newcomers: async (tx, { room, currentChanges }) => {
      if (room.stickyUntil <= clock.now()) return []
      const joined = new Set<ServerName>()
      for (const { pdu } of currentChanges) {
        const userId = pdu.state_key ?? ''
        if (pdu.type !== 'm.room.member' || membershipOf(pdu) !== 'join' || !hasUserIdShape(userId)) continue
        joined.add(serverOf(userId))
      }
      joined.delete(serverName)
      const newcomers: ServerName[] = []
      for (const server of joined) if (!(await hasRoomServer(tx, room.nid, server))) newcomers.push(server)
      return newcomers
    },
    queue: async (tx, room, newcomers) => {
      if (newcomers.length === 0) return []
      const nids = await reads.sticky.own(tx, room)
      if (nids.length === 0) return []
      // What is queued at places from before might be taken for what has been sent.
      const last = await streams.allocate(tx, nids.length)
      const owed: ServerName[] = []
      for (const server of newcomers) {
        if (!(await isInRoom(tx, room.nid, server))) continue
        owed.push(server)
        for (const [i, nid] of nids.entries()) {
          await queueForServer(tx, { roomNid: room.nid, position: last - nids.length + 1 + i, nid }, server)
        }
      }
      return owed
    },
  }
}
