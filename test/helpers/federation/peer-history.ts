import type { JsonObject, Pdu } from '../../../src/matrix/event.ts'
import type { EventId, RoomId } from '../../../src/matrix/ids.ts'
import type { Peer } from './peer.ts'
import type { PeerAnswer, PeerRequest } from './peer-http.ts'
import { refusal } from './peer-router.ts'
import type { BuiltRoom } from './room-builder.ts'

/** The events and states of a server's rooms, for other servers that are in them. */
export function serveHistory(peer: Peer): void {
  const inRoom = (method: string, path: string, answer: (room: BuiltRoom, request: PeerRequest) => PeerAnswer) =>
    peer.on(method, `/_matrix/federation/v1/${path}`, (request) => {
      const room = peer.rooms.get(request.params.roomId as RoomId)
      return room === undefined ? refusal(404, 'M_NOT_FOUND') : answer(room, request)
    })
  const asked = (request: PeerRequest) => request.query.get('event_id') as EventId
  const atEvent = (path: string, answer: (room: BuiltRoom, eventId: EventId) => PeerAnswer) =>
    inRoom('GET', path, (room, request) => {
      const eventId = asked(request)
      return room.graph.events.has(eventId) ? answer(room, eventId) : refusal(404, 'M_NOT_FOUND')
    })
  const body = (content: object): PeerAnswer => ({ body: content as JsonObject })
  const pdus = (events: readonly { pdu: Pdu }[]) => events.map(({ pdu }) => pdu)

  peer.on('GET', '/_matrix/federation/v1/event/:eventId', ({ params }) => {
    for (const room of peer.rooms.values()) {
      const event = room.graph.events.get(params.eventId as EventId)
      if (event) return body({ origin: peer.serverName, origin_server_ts: Date.now(), pdus: [event.pdu] })
    }
    return refusal(404, 'M_NOT_FOUND')
  })
  inRoom('GET', 'event_auth/:roomId/:eventId', (room, { params }) => {
    const eventId = params.eventId as EventId
    if (!room.graph.events.has(eventId)) return refusal(404, 'M_NOT_FOUND')
    return body({ auth_chain: pdus(room.graph.authChain([eventId])) })
  })
  atEvent('state/:roomId', (room, eventId) => {
    const state = stateBefore(room, eventId)
    return body({ pdus: pdus(state), auth_chain: pdus(room.graph.authChain(state.map(({ eventId }) => eventId))) })
  })
  atEvent('state_ids/:roomId', (room, eventId) => {
    const ids = stateBefore(room, eventId).map(({ eventId }) => eventId)
    return body({ pdu_ids: ids, auth_chain_ids: room.graph.authChain(ids).map(({ eventId }) => eventId) })
  })
  inRoom('GET', 'backfill/:roomId', (room, { query }) => {
    const events = room.graph.before(query.getAll('v') as EventId[], Number(query.get('limit')))
    return body({ origin: peer.serverName, origin_server_ts: Date.now(), pdus: pdus(events) })
  })
  inRoom('POST', 'get_missing_events/:roomId', (room, request) => {
    const { earliest_events: earliest, latest_events: latest, limit = 10 } = Object(request.body)
    return body({ events: pdus(room.graph.between(earliest, latest, limit)) })
  })
}

function stateBefore(room: BuiltRoom, eventId: EventId) {
  const state = room.graph.stateBefore(room.graph.require(eventId).pdu)
  return [...state.values()].map((id) => room.graph.require(id))
}
