import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'

const ofRoom = prepare((qb, p: { roomId: string }) =>
  qb.selectFrom('voicemail_chats').select('user_id').where('room_id', '=', p.roomId),
)

/** Whose voicemail chat a room is. */
export async function getChatUser(reader: Reader, roomId: string): Promise<string | undefined> {
  return (await ofRoom.first(reader, { roomId }))?.user_id
}

export function getChat(reader: Reader, userId: string) {
  return reader.qb.selectFrom('voicemail_chats').selectAll().where('user_id', '=', userId).executeTakeFirst()
}

export async function putChat(tx: Tx, userId: string, roomId: string): Promise<void> {
  const chat = { room_id: roomId, is_joined: 0 }
  await tx.qb
    .insertInto('voicemail_chats')
    .values({ user_id: userId, ...chat })
    .onConflict((c) => c.column('user_id').doUpdateSet(chat))
    .execute()
}

export async function setChatJoined(tx: Tx, userId: string): Promise<void> {
  await tx.qb.updateTable('voicemail_chats').set({ is_joined: 1 }).where('user_id', '=', userId).execute()
}
