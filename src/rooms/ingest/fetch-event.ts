import type { Pdu } from '../../matrix/event.ts'
import type { EventId, RoomId, ServerName } from '../../matrix/ids.ts'
import { getEventById } from '../store-events.ts'
import { getRoom } from '../store-rooms.ts'
import { RoomSource, type SourceDeps } from './gaps/room-source.ts'

/** An event from here or from other servers; see `Ingest.fetchEvent`. */
export function createFetchEvent(deps: SourceDeps) {
  const { db } = deps
  return async (roomId: RoomId, eventId: EventId, from: readonly ServerName[]): Promise<Pdu | undefined> => {
    const { room, stored } = await db.read(async (reader) => ({
      room: await getRoom(reader, roomId),
      stored: await getEventById(reader, eventId),
    }))
    if (room === undefined) return undefined
    if (stored !== undefined) return stored.roomNid === room.nid && stored.status !== 2 ? stored.pdu : undefined
    for (const server of from) {
      const event = await new RoomSource(deps, room, { first: server, others: 0 }).event(eventId)
      if (event !== undefined && event !== 'bad') return event.pdu
    }
    return undefined
  }
}
