import type { Reader } from '../db/database.ts'
import { matchesRoom } from '../matrix/event-filter.ts'
import type { InviteSettings } from '../matrix/invite-permission.ts'
import type { MembershipRow } from '../rooms/reads.ts'
import type { Room } from '../rooms/types.ts'
import { createYielder } from '../util/async.ts'
import type { AccountDataView } from './account-data.ts'
import { allRooms, changedRooms } from './changed-rooms.ts'
import { isHiddenInvite, wasHiddenInvite } from './hidden-invites.ts'
import { ignoredUsers } from './ignored-users.ts'
import { strippedState } from './invited-room.ts'
import { joinedRoom } from './joined-room.ts'
import type { SentMembers } from './lazy-members.ts'
import { leftRoom } from './left-room.ts'
import type { SyncPorts } from './ports.ts'
import type { RoomSections, SyncRequest, Window } from './types.ts'

interface Input {
  readonly window: Window
  readonly ephemeralSince: number
  readonly accountData: AccountDataView
}

/** All rooms that an answer speaks of, sorted into the sections of the user's membership. */
export async function roomSections(
  ports: SyncPorts,
  sent: SentMembers,
  reader: Reader,
  request: SyncRequest,
  { window, ephemeralSince, accountData }: Input,
): Promise<RoomSections> {
  const { reads } = ports
  const { userId } = request.requester
  const { since, to } = window
  const pause = createYielder()
  const ignored = await ignoredUsers(ports, reader, userId, to)
  const wanted = (room: Room) => matchesRoom(request.filter.room, room.roomId)
  const sections: RoomSections = {}
  let settings: InviteSettings | undefined

  const candidates =
    since === undefined || request.fullState
      ? await allRooms(ports, reader, userId)
      : await changedRooms(ports, reader, userId, { since, to }, ephemeralSince, accountData.rooms)
  for (const row of candidates.joined) {
    const room = await reads.recent.room(reader, row.room_nid, to)
    if (room === undefined || !wanted(room)) continue
    // Clients that want all members would take those for all that are here.
    if (room.isPartial && request.filter.room?.state?.lazy_load_members !== true) continue
    const section = await joinedRoom(ports, sent, reader, request, {
      room,
      row,
      window,
      hasReceipts: candidates.hasReceipts(room.nid),
      ephemeralSince,
      ignored,
      accountData,
    })
    if (section !== undefined) {
      sections.join ??= {}
      sections.join[room.roomId] = section
    }
    await pause()
  }
  for (const row of await otherMemberships(ports, reader, request, window)) {
    const room = await reads.recent.room(reader, row.room_nid, to)
    if (room !== undefined && wanted(room)) await addOther(room, row)
    await pause()
  }
  return sections

  /** What the user wants to hear of is read once, when there is an invitation. */
  async function inviteSettings(): Promise<InviteSettings> {
    settings ??= await ports.accountData.inviteSettings(reader, userId)
    return settings
  }

  async function addOther(room: Room, row: MembershipRow): Promise<void> {
    if (row.membership === 'invite') {
      if (isHiddenInvite(await inviteSettings(), row)) return
      sections.invite ??= {}
      sections.invite[room.roomId] = { invite_state: { events: await strippedState(ports, reader, room, row) } }
    } else if (row.membership === 'knock') {
      sections.knock ??= {}
      sections.knock[room.roomId] = { knock_state: { events: await strippedState(ports, reader, room, row) } }
    } else if (!(await wasHiddenInvite(reads, reader, row, inviteSettings))) {
      const section = await leftRoom(ports, sent, reader, request, { room, row, window, ignored, accountData })
      if (section === undefined) return
      sections.leave ??= {}
      sections.leave[room.roomId] = section
    }
  }
}

/** Rooms that the user is not in: what changed since, or for an initial sync what is pending and, if asked for, what was left. */
async function otherMemberships(
  { reads, userNews }: SyncPorts,
  reader: Reader,
  request: SyncRequest,
  { since, to }: Window,
): Promise<MembershipRow[]> {
  const { userId } = request.requester
  if (since !== undefined) {
    if (userNews.isQuiet(userId, since, to)) return []
    const changed = await reads.changedMemberships(reader, userId, since)
    return changed.filter((row) => row.membership !== 'join')
  }
  const rows = [
    ...(await reads.memberships(reader, userId, 'invite')),
    ...(await reads.memberships(reader, userId, 'knock')),
  ]
  if (request.filter.room?.include_leave !== true) return rows
  const left = [
    ...(await reads.memberships(reader, userId, 'leave')),
    ...(await reads.memberships(reader, userId, 'ban')),
  ]
  return [...rows, ...left.filter((row) => row.forgotten === 0)]
}
