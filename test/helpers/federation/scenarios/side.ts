/** What happens between two servers, whichever programs they are: `host` has the rooms, `guest` comes into them. */
import type { JsonObject } from '../../../../src/matrix/event.ts'
import { at } from '../../client.ts'
import { createFollower, type Follower } from '../../follower.ts'
import { createRoom } from '../../rooms.ts'
import type { TestUser } from '../../server.ts'
import { type SyncBody, type SyncEvent, sync } from '../../sync.ts'

/** Somebody on a server, by whose name others find it. */
export interface Side {
  readonly user: TestUser
  readonly serverName: string
}

export type Scenario = (host: Side, guest: Side, version: string) => Promise<void>

const patienceMs = 30_000

export async function joinVia(guest: Side, roomId: string, host: Side, expect = 200): Promise<JsonObject> {
  // Older servers know `server_name` only.
  const query = { via: host.serverName, server_name: host.serverName }
  return (await guest.user.request('POST', at`/_matrix/client/v3/join/${roomId}`, { query, body: {}, expect })).body
}

/** A room of the host's that anybody may join, with the guest in it, and what the two see from then on. */
export async function openRoom(host: Side, guest: Side, version: string, creation: object = {}) {
  const roomId = await createRoom(host.user, { preset: 'public_chat', room_version: version, ...creation })
  await joinVia(guest, roomId, host)
  const hostView = await createFollower(host.user)
  await untilIn(host, roomId, guest.user.userId, 'join')
  return { roomId, hostView, guestView: await createFollower(guest.user) }
}

/** Syncs until `find` finds something. */
export async function untilSync<T>(
  { user }: Side,
  what: string,
  find: (body: SyncBody) => T | undefined,
  since?: string,
): Promise<T> {
  let token = since
  const deadline = Date.now() + patienceMs
  while (Date.now() < deadline) {
    const body = await sync(user, { timeout: 2000, ...(token !== undefined && { since: token }) })
    token = body.next_batch
    const found = find(body)
    if (found !== undefined) return found
  }
  throw new Error(`${user.userId} has waited in vain for ${what}`)
}

/** The first event of a room that matches, once the client has it. */
export async function untilSeen(
  follower: Follower,
  roomId: string,
  what: string,
  matches: (event: SyncEvent) => boolean,
): Promise<SyncEvent> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const found = follower.timelines.get(roomId)?.find(matches)
    if (found) return found
    if (Date.now() > deadline) throw new Error(`${follower.user.userId} has waited in vain for ${what}`)
    await follower.poll(2000)
  }
}

export const untilSaid = (follower: Follower, roomId: string, body: string): Promise<SyncEvent> =>
  untilSeen(follower, roomId, `"${body}"`, (event) => event.content.body === body)

/** Typing or receipts, once the client has them. */
export async function untilEphemeral(
  follower: Follower,
  roomId: string,
  type: string,
  matches: (content: JsonObject) => boolean,
): Promise<void> {
  const deadline = Date.now() + patienceMs
  while (Date.now() < deadline) {
    if (follower.ephemeral.some((edu) => edu.roomId === roomId && edu.type === type && matches(edu.content))) return
    await follower.poll(2000)
  }
  throw new Error(`${follower.user.userId} has waited in vain for ${type}`)
}

export const untilInvited = (side: Side, roomId: string) =>
  untilSync(side, 'an invitation', (body) => body.rooms?.invite?.[roomId])

/** Waits until a server knows somebody's membership. */
export async function untilIn(side: Side, roomId: string, userId: string, membership: string): Promise<void> {
  const path = at`/_matrix/client/v3/rooms/${roomId}/state/m.room.member/${userId}`
  const deadline = Date.now() + patienceMs
  let since = (await sync(side.user)).next_batch
  for (;;) {
    const { status, body } = await side.user.request('GET', path)
    if (status === 200 && body.membership === membership) return
    if (Date.now() > deadline) throw new Error(`${side.user.userId} never saw ${userId} ${membership}`)
    since = (await sync(side.user, { since, timeout: 1000 })).next_batch
  }
}
