import { errors } from '../../matrix/errors.ts'
import type { Audience, ClientEvent } from '../../rooms/client-event.ts'
import type { Part } from '../../util/part.ts'
import { createEventStream, type EventStream } from './event-stream.ts'
import { type InitialSyncAnswer, type InitialSyncRequest, initialSync, roomInitialSync } from './initial-sync.ts'
import type { OldSyncPorts } from './ports.ts'
import type { RoomSnapshot } from './room-snapshot.ts'

/** How clients followed rooms before `/sync`, and still look into rooms that they are not in. */
export interface OldSync {
  initialSync(audience: Audience, request: InitialSyncRequest): Promise<InitialSyncAnswer>
  /** Throws `403 M_FORBIDDEN` for a room that is closed to the user. */
  room(audience: Audience, roomId: string, limit: number): Promise<RoomSnapshot>
  readonly listen: EventStream['listen']
  /** An event of whatever room. Throws `404 M_NOT_FOUND` where the user does not see it. */
  event(audience: Audience, eventId: string): Promise<ClientEvent>
  readonly part: Part
}

export function createOldSync(ports: OldSyncPorts): OldSync {
  const { db, reads, timeline } = ports
  const stream = createEventStream(ports)
  return {
    initialSync: (audience, request) => initialSync(ports, audience, request),
    room: (audience, roomId, limit) => roomInitialSync(ports, audience, roomId, limit),
    listen: stream.listen,
    event: async (audience, eventId) => {
      const room = await db.read(async (reader) => {
        const event = await reads.eventById(reader, eventId)
        return event && reads.roomByNid(reader, event.roomNid)
      })
      if (room === undefined) throw errors.notFound('No such event')
      return timeline.event(audience, room.roomId, eventId)
    },
    part: { name: 'old sync', start: stream.start, stop: stream.stop },
  }
}
