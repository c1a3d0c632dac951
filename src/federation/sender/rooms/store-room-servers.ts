import { sql } from 'kysely'
import type { Reader, Tx } from '../../../db/database.ts'
import { prepare } from '../../../db/prepare.ts'

type InRoom = { roomNid: number; server: string }

const one = prepare((qb, p: InRoom) =>
  qb
    .selectFrom('federation_room_servers')
    .select('denied')
    .where('room_nid', '=', p.roomNid)
    .where('server', '=', p.server),
)
const someOther = prepare((qb, p: { roomNid: number }) =>
  qb
    .selectFrom('federation_room_servers')
    .select('server')
    .where('room_nid', '=', p.roomNid)
    .where('denied', '=', 0)
    .limit(1),
)
const ofRoom = prepare((qb, p: { roomNid: number }) =>
  qb.selectFrom('federation_room_servers').select(['server', 'denied']).where('room_nid', '=', p.roomNid),
)
const put = prepare((qb, p: InRoom & { denied: number }) =>
  qb
    .insertInto('federation_room_servers')
    .values({ room_nid: p.roomNid, server: p.server, denied: p.denied })
    .onConflict((c) => c.columns(['room_nid', 'server']).doUpdateSet((eb) => ({ denied: eb.ref('excluded.denied') }))),
)
const remove = prepare((qb, p: InRoom) =>
  qb.deleteFrom('federation_room_servers').where('room_nid', '=', p.roomNid).where('server', '=', p.server),
)
const clear = prepare((qb, p: { roomNid: number }) =>
  qb.deleteFrom('federation_room_servers').where('room_nid', '=', p.roomNid),
)
const joinedUsers = prepare((qb, p: { roomNid: number; after: string; limit: number }) =>
  qb
    .selectFrom('memberships')
    .select(['user_id', 'membership'])
    .where('room_nid', '=', p.roomNid)
    .where('user_id', '>', p.after)
    .orderBy('user_id')
    .limit(p.limit),
)
const localMember = prepare((qb, p: { roomNid: number }) =>
  qb
    .selectFrom('memberships')
    .select('user_id')
    .where('room_nid', '=', p.roomNid)
    .where('is_local', '=', 1)
    .where('membership', '=', 'join')
    .limit(1),
)
const memberLike = prepare((qb, p: { roomNid: number; pattern: string }) =>
  qb
    .selectFrom('memberships')
    .select('user_id')
    .where('room_nid', '=', p.roomNid)
    .where('membership', '=', 'join')
    .where(sql<boolean>`user_id like ${p.pattern} escape '\\'`)
    .limit(1),
)
const aroundUser = prepare((qb, p: { userId: string; most: number }) =>
  qb
    .selectFrom('memberships as me')
    .innerJoin('federation_room_servers as s', 's.room_nid', 'me.room_nid')
    .select('s.server')
    .distinct()
    .where('me.user_id', '=', p.userId)
    .where('me.membership', '=', 'join')
    .where('s.denied', '=', 0)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('federation_room_servers as o')
            .select('o.server')
            .whereRef('o.room_nid', '=', 'me.room_nid')
            .limit(1)
            .offset(p.most),
        ),
      ),
    ),
)
const overflow = prepare((qb, p: { roomNid: number; most: number }) =>
  qb.selectFrom('federation_room_servers').select('server').where('room_nid', '=', p.roomNid).limit(1).offset(p.most),
)
const roomsOf = prepare((qb, p: { server: string; limit: number; offset: number }) =>
  qb
    .selectFrom('federation_room_servers as s')
    .innerJoin('rooms', 'rooms.room_nid', 's.room_nid')
    .select(['rooms.room_id', 'rooms.last_pos'])
    .where('s.server', '=', p.server)
    .orderBy('s.room_nid')
    .limit(p.limit)
    .offset(p.offset),
)
const shared = prepare((qb, p: { userId: string; server: string }) =>
  qb
    .selectFrom('memberships as me')
    .innerJoin('federation_room_servers as s', 's.room_nid', 'me.room_nid')
    .select('s.room_nid')
    .where('me.user_id', '=', p.userId)
    .where('me.membership', '=', 'join')
    .where('s.server', '=', p.server)
    .limit(1),
)

export const hasRoomServer = async (reader: Reader, roomNid: number, server: string): Promise<boolean> =>
  (await one.first(reader, { roomNid, server })) !== undefined

/** Whether anything of the room goes anywhere. */
export const hasOtherServers = async (reader: Reader, roomNid: number): Promise<boolean> =>
  (await someOther.first(reader, { roomNid })) !== undefined

export const listRoomServers = (reader: Reader, roomNid: number): Promise<{ server: string; denied: number }[]> =>
  ofRoom.all(reader, { roomNid })

export async function upsertRoomServer(tx: Tx, roomNid: number, server: string, isDenied: boolean): Promise<void> {
  await put.run(tx, { roomNid, server, denied: isDenied ? 1 : 0 })
}

export async function deleteRoomServer(tx: Tx, roomNid: number, server: string): Promise<void> {
  await remove.run(tx, { roomNid, server })
}

export async function deleteRoomServers(tx: Tx, roomNid: number): Promise<void> {
  await clear.run(tx, { roomNid })
}

/** A page of everybody who is or was in a room, by user id. */
export const listMembersAfter = (
  reader: Reader,
  roomNid: number,
  after: string,
  limit: number,
): Promise<{ user_id: string; membership: string }[]> => joinedUsers.all(reader, { roomNid, after, limit })

export const hasLocalMember = async (reader: Reader, roomNid: number): Promise<boolean> =>
  (await localMember.first(reader, { roomNid })) !== undefined

export async function hasMemberOf(reader: Reader, roomNid: number, server: string): Promise<boolean> {
  const pattern = `@%:${server.replace(/[\\%_]/g, '\\$&')}`
  return (await memberLike.first(reader, { roomNid, pattern })) !== undefined
}

/** The servers that share a room of at most so many servers with a user, this one left out. */
export async function listServersAround(reader: Reader, userId: string, most: number): Promise<string[]> {
  return (await aroundUser.all(reader, { userId, most })).map((row) => row.server)
}

/** Whether more servers than that are in a room, this one left out. */
export const hasMoreServers = async (reader: Reader, roomNid: number, most: number): Promise<boolean> =>
  (await overflow.first(reader, { roomNid, most })) !== undefined

/** The rooms in which we are together with a server. */
export const listRoomsOfServer = (
  reader: Reader,
  server: string,
  page: { limit: number; offset: number },
): Promise<{ room_id: string; last_pos: number }[]> => roomsOf.all(reader, { server, ...page })

export async function countRoomsOfServer(reader: Reader, server: string): Promise<number> {
  const row = await reader.qb
    .selectFrom('federation_room_servers')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .where('server', '=', server)
    .executeTakeFirst()
  return row?.n ?? 0
}

/** Whether a user is in a room in which a server is, too. */
export const isTogether = async (reader: Reader, userId: string, server: string): Promise<boolean> =>
  (await shared.first(reader, { userId, server })) !== undefined

/** Whether a server is in a room with somebody of this one, and not denied by the room. */
export const isInRoom = async (reader: Reader, roomNid: number, server: string): Promise<boolean> =>
  (await one.first(reader, { roomNid, server }))?.denied === 0
