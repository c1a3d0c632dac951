import type { Reader } from '../../db/database.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { formatStreamToken } from '../../matrix/stream-token.ts'
import { requireAccess } from '../../rooms/access.ts'
import type { Audience } from '../../rooms/client-event.ts'
import type { MembershipRow } from '../../rooms/reads.ts'
import type { Room } from '../../rooms/types.ts'
import { createYielder } from '../../util/async.ts'
import type { OldSyncPorts } from './ports.ts'
import { type Outlook, type RoomSnapshot, roomFacts, roomSnapshot } from './room-snapshot.ts'
import { wantedInvites } from './wanted-invites.ts'

export interface InitialSyncRequest {
  /** Messages for each room. */
  readonly limit: number
  /** Also rooms that the user has left. */
  readonly archived: boolean
}

export interface InitialSyncAnswer {
  end: string
  presence: readonly JsonObject[]
  rooms: RoomSnapshot[]
  account_data: readonly JsonObject[]
}

/** https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3initialsync */
export async function initialSync(
  ports: OldSyncPorts,
  audience: Audience,
  { limit, archived }: InitialSyncRequest,
): Promise<InitialSyncAnswer> {
  const { db, streams, reads, accountData } = ports
  const { userId } = audience
  const around = await ports.presence.list(userId, undefined)
  return db.read(async (reader) => {
    const to = await streams.positionIn(reader)
    const pause = createYielder()
    const isWanted = wantedInvites(ports, reader, userId)
    const rooms: RoomSnapshot[] = []
    for (const membership of archived ? ['join', 'invite', 'leave', 'ban'] : ['join', 'invite']) {
      for (const row of await reads.memberships(reader, userId, membership)) {
        const isShown = row.forgotten === 0 && (membership !== 'invite' || (await isWanted(row.sender)))
        const room = isShown ? await reads.roomByNid(reader, row.room_nid) : undefined
        if (room !== undefined) rooms.push(await snapshotOf(ports, reader, audience, room, row, { limit, to }))
        await pause()
      }
    }
    const ignored = await accountData.ignoredUsers(reader, userId)
    return {
      end: formatStreamToken({ position: to, ephemeral: 0 }),
      presence: around.filter(({ sender }) => !ignored.has(sender)),
      rooms,
      account_data: await accountData.list(reader, userId, undefined, undefined),
    }
  })
}

/** Who was never in sees of the room only that it is there; what there is after a leave is not for those who left. */
async function snapshotOf(
  ports: OldSyncPorts,
  reader: Reader,
  audience: Audience,
  room: Room,
  { membership, event_nid: eventNid }: MembershipRow,
  window: { limit: number; to: number },
): Promise<RoomSnapshot> {
  const { reads } = ports
  if (membership === 'join') {
    const outlook = { room, membership, upTo: window.to, stateNid: room.stateNid }
    return roomSnapshot(ports, reader, audience, outlook, window)
  }
  const facts = await roomFacts(ports, reader, audience, room, membership)
  if (membership === 'invite') {
    const invite = (await reads.events(reader, [eventNid])).get(eventNid)
    const [formatted] = invite ? await reads.clientEvents.format(reader, room, [invite], audience) : []
    return formatted === undefined ? facts : { ...facts, invite: formatted }
  }
  const left = (await reads.lastStay(reader, room.nid, audience.userId))?.ended
  if (left?.streamPos === undefined) return facts
  const outlook = { room, membership, upTo: left.streamPos, stateNid: left.stateNid }
  return roomSnapshot(ports, reader, audience, outlook, window)
}

/**
 * One room, also for those who only look in. Throws `403 M_FORBIDDEN` for those who may not.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidinitialsync
 */
export function roomInitialSync(
  ports: OldSyncPorts,
  audience: Audience,
  roomId: string,
  limit: number,
): Promise<RoomSnapshot> {
  const { db, streams, reads } = ports
  return db.read(async (reader) => {
    const access = await requireAccess(reader, reads.view, roomId, audience.userId)
    const row = await reads.membership(reader, access.room.nid, audience.userId)
    // A knock is no membership that this answer knows.
    const membership = row?.membership === 'knock' ? undefined : row?.membership
    const outlook: Outlook = { ...access, membership }
    return roomSnapshot(ports, reader, audience, outlook, { limit, to: await streams.positionIn(reader) })
  })
}
