import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'

interface Member {
  readonly id: string
  readonly roomNid: number
  readonly userId: string
}

const anyIn = prepare((qb, p: { id: string; roomNid: number }) =>
  qb
    .selectFrom('appservice_members')
    .select('user_id')
    .where('appservice_id', '=', p.id)
    .where('room_nid', '=', p.roomNid)
    .limit(1),
)
const insertRow = prepare((qb, p: Member) =>
  qb
    .insertInto('appservice_members')
    .values({ appservice_id: p.id, room_nid: p.roomNid, user_id: p.userId })
    .onConflict((c) => c.doNothing()),
)
const deleteRow = prepare((qb, p: Member) =>
  qb
    .deleteFrom('appservice_members')
    .where('appservice_id', '=', p.id)
    .where('room_nid', '=', p.roomNid)
    .where('user_id', '=', p.userId),
)
const sharedRoom = prepare((qb, p: { id: string; userId: string }) =>
  qb
    .selectFrom('memberships as m')
    .innerJoin('appservice_members as a', 'a.room_nid', 'm.room_nid')
    .select('m.room_nid')
    .where('m.user_id', '=', p.userId)
    .where('m.membership', '=', 'join')
    .where('a.appservice_id', '=', p.id)
    .limit(1),
)

/** Whether a user of the service is joined to the room. */
export async function hasMember(reader: Reader, id: string, roomNid: number): Promise<boolean> {
  return (await anyIn.first(reader, { id, roomNid })) !== undefined
}

export async function insertMember(tx: Tx, member: Member): Promise<void> {
  await insertRow.run(tx, member)
}

export async function deleteMember(tx: Tx, member: Member): Promise<void> {
  await deleteRow.run(tx, member)
}

/** Whether a user is joined to a room together with a user of the service. */
export async function sharesRoom(reader: Reader, id: string, userId: string): Promise<boolean> {
  return (await sharedRoom.first(reader, { id, userId })) !== undefined
}

export async function deleteMembers(tx: Tx, id: string): Promise<void> {
  await tx.qb.deleteFrom('appservice_members').where('appservice_id', '=', id).execute()
}

const inRoom = prepare((qb, p: { id: string; roomNid: number; limit: number }) =>
  qb
    .selectFrom('appservice_members')
    .select('user_id')
    .where('appservice_id', '=', p.id)
    .where('room_nid', '=', p.roomNid)
    .limit(p.limit),
)

/** Up to `limit` of the service's users in a room. */
export async function listMembers(reader: Reader, id: string, roomNid: number, limit: number): Promise<string[]> {
  return (await inRoom.all(reader, { id, roomNid, limit })).map((row) => row.user_id)
}
