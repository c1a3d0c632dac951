import type { Reader } from '../db/database.ts'
import { createYielder } from '../util/async.ts'
import {
  filterInvited,
  filterSharing,
  listChangedMemberships,
  listInvitedIds,
  listJoinedIds,
  listJoinedUsers,
  listSharing,
} from './store-sharing.ts'

const chunk = 200

/** Everybody who is joined to a room to which this user is joined; the user too, where there is such a room. */
export async function listUsersSharingRoom(reader: Reader, userId: string): Promise<Set<string>> {
  return new Set(await listSharing(reader, userId))
}

async function filterChunks(
  candidates: Iterable<string>,
  filter: (some: readonly string[]) => Promise<string[]>,
): Promise<Set<string>> {
  const all = [...candidates]
  const found = new Set<string>()
  const pause = createYielder()
  for (let i = 0; i < all.length; i += chunk) {
    await pause()
    for (const id of await filter(all.slice(i, i + chunk))) found.add(id)
  }
  return found
}

/** Those of `candidates` who are joined to a room to which this user is joined. */
export function filterSharingRoom(reader: Reader, userId: string, candidates: Iterable<string>): Promise<Set<string>> {
  return filterChunks(candidates, (some) => filterSharing(reader, userId, some))
}

/**
 * Those of `candidates` who are invited to a room in which the user is, or have invited the user: they may be about to
 * give each other the keys of the room's history. Other members are nothing that an invited user may know.
 */
export function filterInvitedOrInviting(
  reader: Reader,
  userId: string,
  candidates: Iterable<string>,
): Promise<Set<string>> {
  return filterChunks(candidates, (some) => filterInvited(reader, userId, some))
}

/** The ids of the rooms to which a user is invited. */
export async function listInvitedRoomIds(reader: Reader, userId: string): Promise<string[]> {
  return listInvitedIds(reader, userId)
}

/** The ids of the rooms to which a user is joined: whom to wake about something that concerns the user. */
export async function listJoinedRoomIds(reader: Reader, userId: string): Promise<string[]> {
  return listJoinedIds(reader, userId)
}

export interface SharingChanges {
  /**
   * Users who have come to be in a room together with this user since then, or were invited to one, or have invited the
   * user. The user too, after joining a room.
   */
  readonly met: ReadonlySet<string>
  /** Users who have been parted from this user in some room; perhaps they still share another. */
  readonly parted: ReadonlySet<string>
}

/** Who came into this user's rooms, or left them, after stream position `since`; the user's own joins and leaves count. */
export async function listSharingChanges(reader: Reader, userId: string, since: number): Promise<SharingChanges> {
  const met = new Set<string>()
  const parted = new Set<string>()
  const own = new Map<number, Presence>()
  const others: (Presence & { roomNid: number; userId: string })[] = []
  const invited: { roomNid: number; userId: string }[] = []
  for (const row of await listChangedMemberships(reader, userId, since)) {
    const before = row.before === null ? undefined : membershipOf(row.before)
    const wasIn = before === 'join'
    const isIn = row.membership === 'join'
    if (row.membership === 'invite' && before !== 'invite') {
      if (row.user_id === userId) met.add(row.sender)
      else invited.push({ roomNid: row.room_nid, userId: row.user_id })
    }
    if (row.user_id === userId) own.set(row.room_nid, { wasIn, isIn })
    else if (wasIn !== isIn) others.push({ roomNid: row.room_nid, userId: row.user_id, wasIn, isIn })
  }
  for (const [roomNid, { wasIn, isIn }] of own) {
    if (wasIn === isIn) continue
    for (const member of await listJoinedUsers(reader, roomNid)) (isIn ? met : parted).add(member)
  }
  for (const other of others) {
    const me = own.get(other.roomNid) ?? { wasIn: true, isIn: true }
    if (other.isIn && me.isIn) met.add(other.userId)
    if (other.wasIn && me.wasIn) parted.add(other.userId)
  }
  for (const other of invited) if ((own.get(other.roomNid) ?? { isIn: true }).isIn) met.add(other.userId)
  parted.delete(userId)
  return { met, parted }
}

interface Presence {
  readonly wasIn: boolean
  readonly isIn: boolean
}

function membershipOf(eventJson: string): string | undefined {
  // Only events that passed the authorisation rules are stored, and those need a membership.
  return (JSON.parse(eventJson) as { content?: { membership?: string } }).content?.membership
}
