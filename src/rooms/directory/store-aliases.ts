import type { Reader, Tx } from '../../db/database.ts'
import type { RoomAlias, RoomId, UserId } from '../../matrix/ids.ts'

export interface StoredAlias {
  readonly alias: RoomAlias
  readonly roomNid: number
  readonly roomId: RoomId
  readonly creator: UserId
}

export async function getAlias(reader: Reader, alias: string): Promise<StoredAlias | undefined> {
  const row = await reader.qb
    .selectFrom('room_aliases as a')
    .innerJoin('rooms as r', 'r.room_nid', 'a.room_nid')
    .select(['a.alias', 'a.room_nid', 'a.creator', 'r.room_id'])
    .where('a.alias', '=', alias)
    .executeTakeFirst()
  // What is stored was checked when it came.
  return row && (fromRow(row) as StoredAlias)
}

function fromRow(row: { alias: string; room_nid: number; room_id: string; creator: string }) {
  return { alias: row.alias, roomNid: row.room_nid, roomId: row.room_id, creator: row.creator }
}

export async function listAliases(reader: Reader, roomNid: number): Promise<RoomAlias[]> {
  const rows = await reader.qb
    .selectFrom('room_aliases')
    .select('alias')
    .where('room_nid', '=', roomNid)
    .orderBy('alias')
    .execute()
  return rows.map((row) => row.alias as RoomAlias)
}

/** False where the alias is taken. */
export async function insertAlias(tx: Tx, alias: string, roomNid: number, creator: string): Promise<boolean> {
  const inserted = await tx.qb
    .insertInto('room_aliases')
    .values({ alias, room_nid: roomNid, creator })
    .onConflict((c) => c.doNothing())
    .returning('alias')
    .executeTakeFirst()
  return inserted !== undefined
}

export async function deleteAlias(tx: Tx, alias: string): Promise<void> {
  await tx.qb.deleteFrom('room_aliases').where('alias', '=', alias).execute()
}

export async function moveAliases(tx: Tx, fromNid: number, toNid: number): Promise<void> {
  await tx.qb.updateTable('room_aliases').set({ room_nid: toNid }).where('room_nid', '=', fromNid).execute()
}
