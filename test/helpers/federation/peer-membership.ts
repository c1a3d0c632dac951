import type { JsonObject, Pdu } from '../../../src/matrix/event.ts'
import { eventIdOf } from '../../../src/matrix/event-hash.ts'
import { signEvent } from '../../../src/matrix/event-signing.ts'
import type { RoomId, UserId } from '../../../src/matrix/ids.ts'
import type { Peer } from './peer.ts'
import type { PeerAnswer, PeerRequest } from './peer-http.ts'
import { refusal } from './peer-router.ts'
import { type BuiltRoom, requireRules } from './room-builder.ts'

/** Lets users of other servers join, leave and knock at a server's rooms, and its own users be invited. */
export function serveMembership(peer: Peer): void {
  for (const membership of ['join', 'leave', 'knock'] as const) {
    peer.on('GET', `/_matrix/federation/v1/make_${membership}/:roomId/:userId`, ({ params }) => {
      const room = peer.rooms.get(params.roomId as RoomId)
      if (room === undefined) return refusal(404, 'M_NOT_FOUND')
      return makeTemplate(room, params.userId as UserId, membership)
    })
    const version = membership === 'knock' ? 'v1' : 'v2'
    peer.on('PUT', `/_matrix/federation/${version}/send_${membership}/:roomId/:eventId`, async (request) => {
      const room = peer.rooms.get(request.params.roomId as RoomId)
      if (room === undefined) return refusal(404, 'M_NOT_FOUND')
      return acceptMember(peer, room, request, membership)
    })
  }
  peer.on('PUT', '/_matrix/federation/v2/invite/:roomId/:eventId', (request) => {
    const { event, room_version: version, invite_room_state: roomState = [] } = Object(request.body)
    const rules = requireRules(version)
    const pdu = signEvent(event, rules, peer.serverName, peer.signer.key)
    peer.invites.push({ event: { eventId: eventIdOf(pdu, rules), pdu }, roomState })
    return { body: { event: pdu as unknown as JsonObject } }
  })
}

function makeTemplate(room: BuiltRoom, userId: UserId, membership: string): PeerAnswer {
  const event = room.draft(userId, 'm.room.member', { membership }, { stateKey: userId })
  const verdict = room.check(event)
  if (!verdict.allowed) return refusal(403, 'M_FORBIDDEN', verdict.reason)
  return { body: { room_version: room.rules.version, event: event as unknown as JsonObject } }
}

async function acceptMember(
  peer: Peer,
  room: BuiltRoom,
  { body, params, origin, query }: PeerRequest,
  membership: string,
): Promise<PeerAnswer> {
  const pdu = Object(body) as Pdu
  if (eventIdOf(pdu, room.rules) !== params.eventId) return refusal(400, 'M_INVALID_PARAM', 'another event id')
  if (pdu.content.membership !== membership) return refusal(400, 'M_INVALID_PARAM', 'another membership')
  const before = room.graph.stateBefore(pdu)
  const state = [...before.values()].map((id) => room.graph.require(id))
  const fault = await peer.accept(room, pdu)
  if (fault !== undefined) return refusal(403, 'M_FORBIDDEN', fault)
  if (membership === 'leave') return { body: {} }
  if (membership === 'knock') return { body: { knock_room_state: strippedState(room) } }
  const omitted = peer.omitsMembers && query.get('omit_members') === 'true'
  const told = omitted ? state.filter((event) => event.pdu.type !== 'm.room.member') : state
  const chain = room.graph.authChain([...told.map(({ eventId }) => eventId), eventIdOf(pdu, room.rules)])
  return {
    body: {
      origin: peer.serverName,
      state: told.map((event) => event.pdu as unknown as JsonObject),
      auth_chain: chain.map((event) => event.pdu as unknown as JsonObject),
      event: pdu as unknown as JsonObject,
      members_omitted: omitted,
      servers_in_room: [peer.serverName, origin ?? ''],
    },
  }
}

const strippedTypes = ['m.room.create', 'm.room.join_rules', 'm.room.name', 'm.room.canonical_alias', 'm.room.avatar']

/** What somebody who is not in a room is told of it: whole events. */
export function strippedState(room: BuiltRoom): JsonObject[] {
  const events = strippedTypes.map((type) => room.state(type)?.pdu)
  return events.filter((pdu) => pdu !== undefined).map((pdu) => pdu as unknown as JsonObject)
}
