import type { Selectable, Updateable } from 'kysely'
import type { Reader, Tx } from '../../../db/database.ts'
import { prepare } from '../../../db/prepare.ts'
import type { PromptState } from '../../../db/schema/bots.ts'
import type { Schema } from '../../../db/schema.ts'

export type PromptRow = Selectable<Schema['voicemail_prompts']>

/** False where there is one for the call already. */
export async function insertPrompt(tx: Tx, row: PromptRow): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx.qb
    .insertInto('voicemail_prompts')
    .values(row)
    .onConflict((conflict) => conflict.column('call_id').doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

const byId = prepare((qb, p: { promptId: string }) =>
  qb.selectFrom('voicemail_prompts').selectAll().where('prompt_id', '=', p.promptId),
)
export const getPrompt = (reader: Reader, promptId: string) => byId.first(reader, { promptId })

export function getPromptOfCall(reader: Reader, callId: string): Promise<PromptRow | undefined> {
  return reader.qb.selectFrom('voicemail_prompts').selectAll().where('call_id', '=', callId).executeTakeFirst()
}

export function getPromptOfNote(reader: Reader, noteId: string, callId: string): Promise<PromptRow | undefined> {
  return reader.qb
    .selectFrom('voicemail_prompts')
    .selectAll()
    .where('call_id', '=', callId)
    .where('note_id', '=', noteId)
    .executeTakeFirst()
}

const ofRoom = prepare((qb, p: { roomId: string; since: number }) =>
  qb
    .selectFrom('voicemail_prompts')
    .selectAll()
    .where('room_id', '=', p.roomId)
    .where('created_ts', '>=', p.since)
    .orderBy('created_ts', 'desc')
    .limit(20),
)

/** The prompts after calls in a conversation since a time, the newest first, at most 20. */
export const listPromptsOfRoom = (reader: Reader, roomId: string, since: number) =>
  ofRoom.all(reader, { roomId, since })

const ofChat = prepare((qb, p: { chatId: string; since: number }) =>
  qb
    .selectFrom('voicemail_prompts')
    .selectAll()
    .where('chat_id', '=', p.chatId)
    .where('created_ts', '>=', p.since)
    .orderBy('created_ts', 'desc')
    .limit(20),
)

/** The same for those that stand in a voicemail chat. */
export const listPromptsOfChat = (reader: Reader, chatId: string, since: number) =>
  ofChat.all(reader, { chatId, since })

/** False where the prompt is in none of these states. */
export async function movePrompt(
  tx: Tx,
  promptId: string,
  from: readonly PromptState[],
  change: Updateable<Schema['voicemail_prompts']>,
): Promise<boolean> {
  const { numUpdatedRows } = await tx.qb
    .updateTable('voicemail_prompts')
    .set(change)
    .where('prompt_id', '=', promptId)
    .where('state', 'in', from)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

export async function deletePromptsOf(tx: Tx, caller: string): Promise<void> {
  await tx.qb.deleteFrom('voicemail_prompts').where('caller', '=', caller).execute()
}

/** Forgets prompts from before a time, at most `limit`; returns how many there were. */
export async function deleteOldPrompts(tx: Tx, before: number, limit: number): Promise<number> {
  const { numDeletedRows } = await tx.qb
    .deleteFrom('voicemail_prompts')
    .where('prompt_id', 'in', (qb) =>
      qb.selectFrom('voicemail_prompts').select('prompt_id').where('created_ts', '<', before).limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
