/** How users of a test server get into the rooms of other servers, out of them, and bring others in. */
import type { IdentifiedPdu, JsonObject, Pdu } from '../../../src/matrix/event.ts'
import { eventIdOf } from '../../../src/matrix/event-hash.ts'
import { type EventId, type RoomId, type ServerName, serverOf, type UserId } from '../../../src/matrix/ids.ts'
import { type StateMap, stateMapKey } from '../../../src/matrix/state-res.ts'
import { at } from '../client.ts'
import type { Peer } from './peer.ts'
import { strippedState } from './peer-membership.ts'
import { BuiltRoom, requireRules } from './room-builder.ts'
import { RoomGraph } from './room-graph.ts'

const allVersions = Array.from({ length: 12 }, (_, i) => `ver=${i + 1}`).join('&')

/** The template of a member event, as another server gives it, with the room version. */
export async function makeMember(
  peer: Peer,
  server: ServerName,
  roomId: RoomId,
  userId: UserId,
  membership: 'join' | 'leave' | 'knock',
): Promise<{ version: string; event: Pdu }> {
  const query = membership === 'leave' ? '' : `?${allVersions}`
  const path = at`/_matrix/federation/v1/make_${membership}/${roomId}/${userId}`
  const { body } = await peer.request(server, 'GET', path + query, { expect: 200 })
  return { version: String(body.room_version), event: Object(body.event) as Pdu }
}

/** Joins a room through a server that is in it. */
export async function joinThrough(peer: Peer, server: ServerName, roomId: RoomId, userId: UserId): Promise<BuiltRoom> {
  const { version, event } = await makeMember(peer, server, roomId, userId, 'join')
  const signed = peer.sign(requireRules(version), event)
  const path = at`/_matrix/federation/v2/send_join/${roomId}/${signed.eventId}`
  const { body } = await peer.request(server, 'PUT', path, { body: asJson(signed.pdu), expect: 200 })
  const room = await roomOfAnswer(peer, version, roomId, body, signed)
  peer.rooms.set(roomId, room)
  return room
}

async function roomOfAnswer(
  peer: Peer,
  version: string,
  roomId: RoomId,
  body: JsonObject,
  sent: IdentifiedPdu,
): Promise<BuiltRoom> {
  const rules = requireRules(version)
  const identify = (pdu: Pdu): IdentifiedPdu => ({ eventId: eventIdOf(pdu, rules), pdu })
  const graph = new RoomGraph(rules)
  const state = new Map<string, EventId>()
  for (const pdu of body.auth_chain as unknown as Pdu[]) graph.addOutlier(identify(pdu))
  for (const pdu of body.state as unknown as Pdu[]) {
    const event = identify(pdu)
    graph.addOutlier(event)
    state.set(stateMapKey(pdu.type, pdu.state_key ?? ''), event.eventId)
  }
  for (const { eventId, pdu } of graph.events.values()) {
    const fault = await peer.keys.faultOf(rules, pdu)
    if (fault !== undefined) peer.faults.push(`${pdu.type} ${eventId} came with a join: ${fault}`)
  }
  checkChain(peer, graph, state)
  const join = body.event === undefined ? sent : identify(body.event as unknown as Pdu)
  graph.seed(join, state.set(stateMapKey('m.room.member', join.pdu.state_key ?? ''), join.eventId))
  return new BuiltRoom(peer.signer, rules, roomId, graph)
}

/** The chain of an honest answer has everything that authorises the state. */
function checkChain(peer: Peer, graph: RoomGraph, state: StateMap): void {
  for (const { pdu } of graph.events.values()) {
    for (const reference of pdu.auth_events) {
      const id = typeof reference === 'string' ? reference : reference[0]
      if (!graph.events.has(id)) peer.faults.push(`${id} is missing in the auth chain of a join`)
    }
  }
  if (!state.has(stateMapKey('m.room.create', ''))) peer.faults.push('a join came without the create event')
}

/** Leaves a room, or refuses an invitation, through another server. */
export async function leaveThrough(
  peer: Peer,
  server: ServerName,
  roomId: RoomId,
  userId: UserId,
): Promise<IdentifiedPdu> {
  const { version, event } = await makeMember(peer, server, roomId, userId, 'leave')
  const signed = peer.sign(requireRules(version), event)
  const path = at`/_matrix/federation/v2/send_leave/${roomId}/${signed.eventId}`
  await peer.request(server, 'PUT', path, { body: asJson(signed.pdu), expect: 200 })
  return signed
}

export async function knockThrough(
  peer: Peer,
  server: ServerName,
  roomId: RoomId,
  userId: UserId,
): Promise<JsonObject> {
  const { version, event } = await makeMember(peer, server, roomId, userId, 'knock')
  const signed = peer.sign(requireRules(version), event)
  const path = at`/_matrix/federation/v1/send_knock/${roomId}/${signed.eventId}`
  return (await peer.request(server, 'PUT', path, { body: asJson(signed.pdu), expect: 200 })).body
}

/** Invites a user of another server to a room of this one. */
export async function inviteTo(peer: Peer, room: BuiltRoom, sender: UserId, target: UserId): Promise<IdentifiedPdu> {
  const built = room.build(sender, 'm.room.member', { membership: 'invite' }, { stateKey: target })
  const path = at`/_matrix/federation/v2/invite/${room.roomId}/${built.eventId}`
  const body = { room_version: room.rules.version, event: asJson(built.pdu), invite_room_state: strippedState(room) }
  const answer = await peer.request(serverOf(target), 'PUT', path, { body, expect: 200 })
  const event = { eventId: built.eventId, pdu: answer.body.event as unknown as Pdu }
  if (Object.keys(event.pdu.signatures ?? {}).length < 2) peer.faults.push('an invitation was not signed')
  room.graph.add(event)
  return event
}

export function asJson(pdu: Pdu): JsonObject {
  return pdu as unknown as JsonObject
}
