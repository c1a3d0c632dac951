import type { Database, Tx } from '../../../db/database.ts'
import type { Streams } from '../../../db/streams.ts'
import type { Jobs } from '../../../jobs/jobs.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { hasUserIdShape, type ServerName, serverOf } from '../../../matrix/ids.ts'
import { membershipOf } from '../../../matrix/member-content.ts'
import type { RoomReads } from '../../../rooms/reads.ts'
import type { PersistedBatch, Room } from '../../../rooms/types.ts'
import type { Clock } from '../../../util/clock.ts'
import { hasRoomServer, isInRoom } from '../rooms/store-room-servers.ts'
import { queueForServer } from './store-queue.ts'

/** Servers that come into a room are sent what is sticky there of ours: https://github.com/matrix-org/matrix-spec-proposals/pull/4354 */
export interface StickyQueue {
  /** Servers that were not in the room before the batch; none where nothing is sticky. */
  newcomers(tx: Tx, batch: PersistedBatch): Promise<ServerName[]>
  /** Queues it for those of them that are in the room now, at once and by a job once more. Returns these. */
  queue(tx: Tx, room: Room, newcomers: readonly ServerName[]): Promise<ServerName[]>
  again(payload: JsonObject): Promise<void>
}

export const stickyJob = 'federation.sticky'
/** A server that is not done with entering the room may lose what comes at once (ms). */
const againMs = 20_000

interface Deps {
  readonly serverName: ServerName
  readonly db: Database
  readonly streams: Streams
  readonly clock: Clock
  readonly jobs: Pick<Jobs, 'enqueue'>
  readonly reads: Pick<RoomReads, 'sticky' | 'roomById'>
  /** Called after the commit with servers for which something waits. */
  wake(destinations: Iterable<string>): void
}

export function createStickyQueue({ serverName, db, streams, clock, jobs, reads, wake }: Deps): StickyQueue {
  async function queueNow(tx: Tx, room: Room, servers: readonly ServerName[]): Promise<ServerName[]> {
    if (servers.length === 0) return []
    const nids = await reads.sticky.own(tx, room)
    if (nids.length === 0) return []
    const owed: ServerName[] = []
    for (const server of servers) if (await isInRoom(tx, room.nid, server)) owed.push(server)
    // What is queued at places from before might be taken for what has been sent.
    const last = await streams.allocate(tx, nids.length)
    for (const server of owed) {
      for (const [i, nid] of nids.entries()) {
        await queueForServer(tx, { roomNid: room.nid, position: last - nids.length + 1 + i, nid }, server)
      }
    }
    return owed
  }

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
      const owed = await queueNow(tx, room, newcomers)
      const runAt = clock.now() + againMs
      for (const server of owed) {
        await jobs.enqueue(tx, stickyJob, { roomId: room.roomId, server }, { runAt, key: `${room.nid} ${server}` })
      }
      return owed
    },
    again: ({ roomId, server }) =>
      db.write('sticky events for a newcomer', async (tx) => {
        if (typeof roomId !== 'string' || typeof server !== 'string') return
        const room = await reads.roomById(tx, roomId)
        // The job was written by us.
        const owed = room === undefined ? [] : await queueNow(tx, room, [server as ServerName])
        if (owed.length > 0) tx.afterCommit(() => wake(owed))
      }),
  }
}
