import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { RoomsSchema } from '../db/schema/rooms.ts'

export type MembershipRow = Selectable<RoomsSchema['memberships']>

const one = prepare((qb, p: { roomNid: number; userId: string }) =>
  qb.selectFrom('memberships').selectAll().where('room_nid', '=', p.roomNid).where('user_id', '=', p.userId),
)
const ofUser = prepare((qb, p: { userId: string; membership: string }) =>
  qb.selectFrom('memberships').selectAll().where('user_id', '=', p.userId).where('membership', '=', p.membership),
)
const ofRoom = prepare((qb, p: { roomNid: number; membership: string }) =>
  qb.selectFrom('memberships').selectAll().where('room_nid', '=', p.roomNid).where('membership', '=', p.membership),
)
const localJoined = prepare((qb, p: { roomNid: number }) =>
  qb
    .selectFrom('memberships')
    .select('user_id')
    .where('room_nid', '=', p.roomNid)
    .where('membership', '=', 'join')
    .where('is_local', '=', 1),
)
const joined = prepare((qb, p: { roomNid: number; limit: number }) =>
  qb
    .selectFrom('memberships')
    .select('user_id')
    .where('room_nid', '=', p.roomNid)
    .where('membership', '=', 'join')
    .limit(p.limit),
)
const upsertRow = prepare((qb, p: MembershipRow) =>
  qb
    .insertInto('memberships')
    .values({
      room_nid: p.room_nid,
      user_id: p.user_id,
      membership: p.membership,
      event_nid: p.event_nid,
      stream_pos: p.stream_pos,
      sender: p.sender,
      display_name: p.display_name,
      avatar_url: p.avatar_url,
      is_local: p.is_local,
      forgotten: p.forgotten,
      stripped_state: p.stripped_state,
    })
    .onConflict((c) =>
      c.columns(['room_nid', 'user_id']).doUpdateSet((eb) => ({
        membership: eb.ref('excluded.membership'),
        event_nid: eb.ref('excluded.event_nid'),
        stream_pos: eb.ref('excluded.stream_pos'),
        sender: eb.ref('excluded.sender'),
        display_name: eb.ref('excluded.display_name'),
        avatar_url: eb.ref('excluded.avatar_url'),
        forgotten: eb.ref('excluded.forgotten'),
        stripped_state: eb.ref('excluded.stripped_state'),
      })),
    ),
)

export const getMembership = (reader: Reader, roomNid: number, userId: string) => one.first(reader, { roomNid, userId })
/** Rooms where the user has this membership, forgotten ones too. */
export const listMembershipsOf = (reader: Reader, userId: string, membership: string) =>
  ofUser.all(reader, { userId, membership })
export const listMembers = (reader: Reader, roomNid: number, membership: string) =>
  ofRoom.all(reader, { roomNid, membership })

const anyLocal = prepare((qb, p: { roomNid: number }) =>
  qb
    .selectFrom('memberships')
    .select('user_id')
    .where('room_nid', '=', p.roomNid)
    .where('membership', '=', 'join')
    .where('is_local', '=', 1)
    .limit(1),
)

/** Whether a user of this server is in the room, so that what we know of it holds. */
export async function isAnybodyHere(reader: Reader, roomNid: number): Promise<boolean> {
  return (await anyLocal.first(reader, { roomNid })) !== undefined
}

export async function listLocalJoined(reader: Reader, roomNid: number): Promise<string[]> {
  return (await localJoined.all(reader, { roomNid })).map((row) => row.user_id)
}

/** Everybody who is in a room, or the first `limit` of them. */
export async function listJoined(reader: Reader, roomNid: number, limit: number): Promise<string[]> {
  return (await joined.all(reader, { roomNid, limit })).map((row) => row.user_id)
}

export async function upsertMembership(tx: Tx, row: MembershipRow): Promise<void> {
  await upsertRow.run(tx, row)
}

export async function updateForgotten(tx: Tx, roomNid: number, userId: string, forgotten: boolean): Promise<void> {
  await tx.qb
    .updateTable('memberships')
    .set({ forgotten: forgotten ? 1 : 0 })
    .where('room_nid', '=', roomNid)
    .where('user_id', '=', userId)
    .execute()
}

/** Forgets the name and the avatar of a member event, where it is still the one that stands. */
export async function clearMemberProfile(
  tx: Tx,
  roomNid: number,
  event: { readonly nid: number; readonly pdu: { readonly state_key?: string | undefined } },
): Promise<void> {
  await tx.qb
    .updateTable('memberships')
    .set({ display_name: null, avatar_url: null })
    .where('room_nid', '=', roomNid)
    .where('user_id', '=', event.pdu.state_key ?? '')
    .where('event_nid', '=', event.nid)
    .execute()
}

export async function countMembers(reader: Reader, roomNid: number): Promise<{ joined: number; invited: number }> {
  const rows = await reader.qb
    .selectFrom('memberships')
    .select((eb) => ['membership', eb.fn.countAll<number>().as('n')])
    .where('room_nid', '=', roomNid)
    .where('membership', 'in', ['join', 'invite'])
    .groupBy('membership')
    .execute()
  const count = (membership: string) => rows.find((row) => row.membership === membership)?.n ?? 0
  return { joined: count('join'), invited: count('invite') }
}

const upsertCurrent = prepare((qb, p: { roomNid: number; type: string; stateKey: string; eventNid: number }) =>
  qb
    .insertInto('current_state')
    .values({ room_nid: p.roomNid, type: p.type, state_key: p.stateKey, event_nid: p.eventNid })
    .onConflict((c) =>
      c.columns(['room_nid', 'type', 'state_key']).doUpdateSet((eb) => ({ event_nid: eb.ref('excluded.event_nid') })),
    ),
)

export async function upsertCurrentState(
  tx: Tx,
  row: { roomNid: number; type: string; stateKey: string; eventNid: number },
): Promise<void> {
  await upsertCurrent.run(tx, row)
}

const deleteCurrent = prepare((qb, p: { roomNid: number; type: string; stateKey: string }) =>
  qb
    .deleteFrom('current_state')
    .where('room_nid', '=', p.roomNid)
    .where('type', '=', p.type)
    .where('state_key', '=', p.stateKey),
)

export async function deleteCurrentState(
  tx: Tx,
  row: { roomNid: number; type: string; stateKey: string },
): Promise<void> {
  await deleteCurrent.run(tx, row)
}
