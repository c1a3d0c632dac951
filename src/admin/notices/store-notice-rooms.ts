import type { Reader, Tx } from '../../db/database.ts'

export async function getNoticeRoom(reader: Reader, userId: string): Promise<string | undefined> {
  const row = await reader.qb
    .selectFrom('notice_rooms')
    .select('room_id')
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return row?.room_id
}

export async function putNoticeRoom(tx: Tx, userId: string, roomId: string): Promise<void> {
  await tx.qb
    .insertInto('notice_rooms')
    .values({ user_id: userId, room_id: roomId })
    .onConflict((c) => c.column('user_id').doUpdateSet({ room_id: roomId }))
    .execute()
}
