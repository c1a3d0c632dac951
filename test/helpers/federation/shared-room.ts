import type { EventId, RoomId, UserId } from '../../../src/matrix/ids.ts'
import { createFollower, type Follower } from '../follower.ts'
import { createRoom, getEvent, send, timeline } from '../rooms.ts'
import type { TestUser } from '../server.ts'
import type { SyncEvent } from '../sync.ts'
import type { Peer } from './peer.ts'
import { joinThrough } from './peer-joining.ts'
import type { BuiltRoom } from './room-builder.ts'
import type { FederatedServer } from './servers.ts'

const patienceMs = 20_000

/** A room of alice on our server in which bob of a test server is, too. */
export interface SharedRoom {
  readonly roomId: RoomId
  readonly alice: TestUser
  readonly follower: Follower
  readonly bob: UserId
  /** The room as the test server has it. */
  readonly room: BuiltRoom
}

let people = 0

export async function shareRoom(server: FederatedServer, peer: Peer, creation: object = {}): Promise<SharedRoom> {
  people += 1
  const alice = await server.user(`alice${people}`)
  const roomId = (await createRoom(alice, { preset: 'public_chat', ...creation })) as RoomId
  const follower = await createFollower(alice)
  const bob = peer.user(`bob${people}`)
  const room = await joinThrough(peer, server.serverName, roomId, bob)
  await untilSeen(follower, roomId, (event) => event.type === 'm.room.member' && event.state_key === bob)
  return { roomId, alice, follower, bob, room }
}

/** The first event of a room that matches, once the client has it. */
export async function untilSeen(
  follower: Follower,
  roomId: string,
  matches: (event: SyncEvent) => boolean,
): Promise<SyncEvent> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const found = follower.timelines.get(roomId)?.find(matches)
    if (found) return found
    if (Date.now() > deadline) throw new Error(`${follower.user.userId} has waited in vain for an event`)
    await follower.poll(2000)
  }
}

export const untilEvent = (follower: Follower, roomId: string, eventId: EventId): Promise<SyncEvent> =>
  untilSeen(follower, roomId, (event) => event.event_id === eventId)

/** Has our server take in an event after all that was sent before, so that it is known what became of them. */
export async function settle(peer: Peer, server: FederatedServer, { room, bob, follower, roomId }: SharedRoom) {
  const { eventId, pdu } = room.message(bob, 'the end')
  await peer.send(server.serverName, [pdu])
  await untilEvent(follower, roomId, eventId)
}

/** Waits until the test server has what alice says; it then knows all that her server sent before. */
export async function catchUpPeer(peer: Peer, { alice, roomId }: SharedRoom): Promise<void> {
  const eventId = await send(alice, roomId, 'are you there?')
  await peer.waitFor('a message', () => peer.rooms.get(roomId)?.graph.events.has(eventId as EventId))
}

/** Whether a client can see an event by its id. */
export async function isVisible({ alice, roomId }: SharedRoom, eventId: EventId): Promise<boolean> {
  const events = await timeline(alice, roomId)
  const inTimeline = events.some((event) => event.event_id === eventId)
  const byId = await getEvent(alice, roomId, eventId).then(
    () => true,
    () => false,
  )
  if (inTimeline && !byId) throw new Error('an event is in the timeline, but cannot be had by its id')
  return byId
}
