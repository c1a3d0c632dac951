import type { Database, Reader } from '../../../db/database.ts'
import { errors } from '../../../matrix/errors.ts'
import type { Pdu } from '../../../matrix/event.ts'
import { prevEventIds } from '../../../matrix/event-references.ts'
import type { EventId, ServerName } from '../../../matrix/ids.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import type { Room, StoredEvent } from '../../../rooms/types.ts'

/** https://spec.matrix.org/v1.19/server-server-api/#retrieving-events */
export interface Retrieval {
  /** One event, as the server may have it. Throws `404` for what is not known, was rejected or is not for this server. */
  event(origin: ServerName, eventId: string): Promise<Pdu>
  /** The state before an event, and what authorises it. Throws `403` and `404`. */
  state(origin: ServerName, roomId: string, eventId: string): Promise<{ pdus: Pdu[]; auth_chain: Pdu[] }>
  stateIds(
    origin: ServerName,
    roomId: string,
    eventId: string,
  ): Promise<{ pdu_ids: EventId[]; auth_chain_ids: EventId[] }>
  /** What authorises an event, and what authorises that, to the end. */
  authChain(origin: ServerName, roomId: string, eventId: string): Promise<Pdu[]>
  /** Events and those before them, newest first. */
  backfill(origin: ServerName, roomId: string, from: readonly EventId[], limit: number): Promise<Pdu[]>
  /** What lies between two sets of events, oldest first. */
  missing(origin: ServerName, roomId: string, gap: Gap): Promise<Pdu[]>
  /** The event next to a time (ms). Throws `404` where the server may see none. */
  byTime(
    origin: ServerName,
    roomId: string,
    ts: number,
    dir: 'f' | 'b',
  ): Promise<{ event_id: EventId; origin_server_ts: number }>
}

export interface Gap {
  readonly earliest: readonly EventId[]
  readonly latest: readonly EventId[]
  readonly limit: number
  readonly minDepth: number
}

const mostBackfilled = 100
const mostMissing = 50

interface Deps {
  readonly db: Database
  readonly rooms: Pick<Rooms, 'reads' | 'history' | 'whole'>
}

export function createRetrieval({ db, rooms }: Deps): Retrieval {
  const { reads, history, whole } = rooms

  async function requireEvent(reader: Reader, room: Room, eventId: string): Promise<StoredEvent> {
    const event = await reads.eventById(reader, eventId)
    if (event?.roomNid !== room.nid || event.status === 2) throw errors.notFound('This server has no such event')
    return event
  }

  /** Numbers of the state events before an event. */
  async function stateNidsBefore(reader: Reader, room: Room, eventId: string): Promise<number[]> {
    const { beforeNid, streamPos, pdu } = await requireEvent(reader, room, eventId)
    if (pdu.type === 'm.room.create') return []
    if (beforeNid === undefined || streamPos === undefined) {
      throw errors.notFound('This server does not know the state at that event')
    }
    return [...(await reads.loadState(reader, beforeNid)).values()]
  }

  async function stateBefore(reader: Reader, origin: ServerName, roomId: string, eventId: string) {
    const room = await history.requireMember(reader, roomId, origin)
    const nids = await stateNidsBefore(reader, room, eventId)
    const state = [...(await reads.events(reader, nids)).values()]
    const chain = await history.authChain(reader, state)
    return { state, chain }
  }

  async function previousOf(reader: Reader, room: Room, eventIds: readonly EventId[]): Promise<EventId[]> {
    const previous: EventId[] = []
    for (const eventId of eventIds) {
      const event = await reads.eventById(reader, eventId)
      if (event?.roomNid === room.nid) previous.push(...prevEventIds(event.pdu))
    }
    return previous
  }

  /** Who may have what of a room is known once all members are. */
  async function readWhole<T>(roomId: string, read: (reader: Reader) => Promise<T>): Promise<T> {
    await whole.wait(roomId)
    return db.read(read)
  }

  return {
    event: async (origin, eventId) => {
      const roomId = await db.read(async (reader) => {
        const event = await reads.eventById(reader, eventId)
        const room = event && (await reads.roomByNid(reader, event.roomNid))
        if (room === undefined) throw errors.notFound('No such event')
        return room.roomId
      })
      return readWhole(roomId, async (reader) => {
        const room = await history.requireMember(reader, roomId, origin)
        const [shown] = await history.show(reader, room, origin, [await requireEvent(reader, room, eventId)])
        if (shown === undefined) throw errors.notFound('No such event')
        return shown
      })
    },
    state: (origin, roomId, eventId) =>
      readWhole(roomId, async (reader) => {
        const { state, chain } = await stateBefore(reader, origin, roomId, eventId)
        return { pdus: state.map(({ pdu }) => pdu), auth_chain: chain.map(({ pdu }) => pdu) }
      }),
    stateIds: (origin, roomId, eventId) =>
      readWhole(roomId, async (reader) => {
        const { state, chain } = await stateBefore(reader, origin, roomId, eventId)
        return { pdu_ids: state.map((event) => event.eventId), auth_chain_ids: chain.map((event) => event.eventId) }
      }),
    authChain: (origin, roomId, eventId) =>
      readWhole(roomId, async (reader) => {
        const room = await history.requireMember(reader, roomId, origin)
        const event = await requireEvent(reader, room, eventId)
        return (await history.authChain(reader, [event])).map(({ pdu }) => pdu)
      }),
    backfill: (origin, roomId, from, limit) =>
      readWhole(roomId, async (reader) => {
        const room = await history.requireMember(reader, roomId, origin)
        const events = await history.walkBack(reader, room, { from, limit: Math.min(limit, mostBackfilled) })
        return history.show(reader, room, origin, events)
      }),
    missing: (origin, roomId, { earliest, latest, limit, minDepth }) =>
      readWhole(roomId, async (reader) => {
        const room = await history.requireMember(reader, roomId, origin)
        const from = await previousOf(reader, room, latest.slice(0, mostMissing))
        const events = await history.walkBack(reader, room, {
          from,
          limit: Math.min(limit, mostMissing),
          stopAt: new Set(earliest),
          minDepth,
        })
        return history.show(reader, room, origin, events.reverse())
      }),
    byTime: (origin, roomId, ts, dir) =>
      readWhole(roomId, async (reader) => {
        const room = await history.requireMember(reader, roomId, origin)
        const found = await history.nearest(reader, room, origin, ts, dir)
        if (found === undefined) throw errors.notFound(`Unable to find an event from ${ts} on in direction ${dir}`)
        return { event_id: found.eventId, origin_server_ts: found.pdu.origin_server_ts }
      }),
  }
}
