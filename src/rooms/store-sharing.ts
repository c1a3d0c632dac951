import { sql } from 'kysely'
import type { Reader } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

const sharing = prepare((qb, p: { userId: string }) =>
  qb
    .selectFrom('memberships as me')
    .innerJoin('memberships as other', 'other.room_nid', 'me.room_nid')
    .select('other.user_id')
    .distinct()
    .where('me.user_id', '=', p.userId)
    .where('me.membership', '=', 'join')
    .where('other.membership', '=', 'join'),
)
const roomIds = prepare((qb, p: { userId: string; membership: string }) =>
  qb
    .selectFrom('memberships as me')
    .innerJoin('rooms', 'rooms.room_nid', 'me.room_nid')
    .select('rooms.room_id')
    .where('me.user_id', '=', p.userId)
    .where('me.membership', '=', p.membership),
)
const joinedUsers = prepare((qb, p: { roomNid: number }) =>
  qb.selectFrom('memberships').select('user_id').where('room_nid', '=', p.roomNid).where('membership', '=', 'join'),
)
const changes = prepare((qb, p: { userId: string; since: number }) =>
  qb
    .selectFrom('memberships as m')
    .select((eb) => [
      'm.room_nid',
      'm.user_id',
      'm.membership',
      'm.sender',
      eb
        .selectFrom('events as e')
        .select('e.json')
        .whereRef('e.room_nid', '=', 'm.room_nid')
        .where('e.type', '=', 'm.room.member')
        .whereRef('e.state_key', '=', 'm.user_id')
        .where('e.stream_pos', '<=', p.since)
        .where('e.stream_pos', '>', 0)
        .where('e.status', '=', 0)
        .orderBy('e.stream_pos', 'desc')
        .limit(1)
        .as('before'),
    ])
    .where('m.stream_pos', '>', p.since)
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('memberships as me')
          .select(sql`1`.as('one'))
          .whereRef('me.room_nid', '=', 'm.room_nid')
          .where('me.user_id', '=', p.userId)
          .where((or) => or.or([or('me.membership', '=', 'join'), or('me.stream_pos', '>', p.since)])),
      ),
    ),
)

export async function listSharing(reader: Reader, userId: string): Promise<string[]> {
  return (await sharing.all(reader, { userId })).map((row) => row.user_id)
}

export async function filterSharing(reader: Reader, userId: string, among: readonly string[]): Promise<string[]> {
  const rows = await reader.qb
    .selectFrom('memberships as other')
    .innerJoin('memberships as me', 'me.room_nid', 'other.room_nid')
    .select('other.user_id')
    .distinct()
    .where('other.user_id', 'in', among)
    .where('other.membership', '=', 'join')
    .where('me.user_id', '=', userId)
    .where('me.membership', '=', 'join')
    .execute()
  return rows.map((row) => row.user_id)
}

export async function listJoinedIds(reader: Reader, userId: string): Promise<string[]> {
  return (await roomIds.all(reader, { userId, membership: 'join' })).map((row) => row.room_id)
}

export async function listInvitedIds(reader: Reader, userId: string): Promise<string[]> {
  return (await roomIds.all(reader, { userId, membership: 'invite' })).map((row) => row.room_id)
}

/** Those who are invited to a room in which the user is, or have invited the user. */
export async function filterInvited(reader: Reader, userId: string, among: readonly string[]): Promise<string[]> {
  const invited = await reader.qb
    .selectFrom('memberships as other')
    .innerJoin('memberships as me', 'me.room_nid', 'other.room_nid')
    .select('other.user_id')
    .distinct()
    .where('other.user_id', 'in', among)
    .where('other.membership', '=', 'invite')
    .where('me.user_id', '=', userId)
    .where('me.membership', '=', 'join')
    .execute()
  const inviting = await reader.qb
    .selectFrom('memberships')
    .select('sender')
    .distinct()
    .where('user_id', '=', userId)
    .where('membership', '=', 'invite')
    .where('sender', 'in', among)
    .execute()
  return [...invited.map((row) => row.user_id), ...inviting.map((row) => row.sender)]
}

export async function listJoinedUsers(reader: Reader, roomNid: number): Promise<string[]> {
  return (await joinedUsers.all(reader, { roomNid })).map((row) => row.user_id)
}

/** Memberships newer than `since` in rooms where the user is, or has been since then; `before` is the event until then. */
export async function listChangedMemberships(
  reader: Reader,
  userId: string,
  since: number,
): Promise<{ room_nid: number; user_id: string; membership: string; sender: string; before: string | null }[]> {
  return changes.all(reader, { userId, since })
}
