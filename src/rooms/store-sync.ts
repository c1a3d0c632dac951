import type { Reader } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { MembershipRow } from './store-members.ts'

interface Since {
  readonly since: number
  readonly limit: number
}

const activeRooms = prepare((qb, p: Since) =>
  qb.selectFrom('rooms').select('room_nid').where('last_pos', '>', p.since).orderBy('last_pos', 'desc').limit(p.limit),
)
const receiptRooms = prepare((qb, p: Since) =>
  qb.selectFrom('receipts').select('room_nid').where('stream_pos', '>', p.since).orderBy('stream_pos').limit(p.limit),
)
const changedMemberships = prepare((qb, p: { userId: string; since: number }) =>
  qb.selectFrom('memberships').selectAll().where('user_id', '=', p.userId).where('stream_pos', '>', p.since),
)
export async function listActiveRooms(reader: Reader, since: number, limit: number): Promise<number[]> {
  return (await activeRooms.all(reader, { since, limit })).map((row) => row.room_nid)
}

export async function listRoomsWithReceipts(reader: Reader, since: number, limit: number): Promise<number[]> {
  return (await receiptRooms.all(reader, { since, limit })).map((row) => row.room_nid)
}

export function listChangedMemberships(reader: Reader, userId: string, since: number): Promise<MembershipRow[]> {
  return changedMemberships.all(reader, { userId, since })
}

const heroRows = prepare((qb, p: { roomNid: number; userId: string; membership: string }) =>
  qb
    .selectFrom('memberships')
    .select(['user_id', 'event_nid'])
    .where('room_nid', '=', p.roomNid)
    .where('membership', '=', p.membership)
    .where('user_id', '!=', p.userId)
    .orderBy('event_nid')
    .limit(5),
)

/** Up to five other members with this membership, those first who came first. */
export function listHeroes(reader: Reader, roomNid: number, userId: string, membership: string) {
  return heroRows.all(reader, { roomNid, userId, membership })
}
