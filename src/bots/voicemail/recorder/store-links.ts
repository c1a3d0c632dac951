import type { Selectable, Updateable } from 'kysely'
import type { Reader, Tx } from '../../../db/database.ts'
import type { Schema } from '../../../db/schema.ts'

type LinkTable = Schema['voicemail_links']
export type LinkRow = Selectable<LinkTable>
export type LinkState = 'open' | 'ready' | 'used' | 'revoked'

export async function insertLink(tx: Tx, row: LinkRow): Promise<void> {
  await tx.qb.insertInto('voicemail_links').values(row).execute()
}

export function getLinkByToken(reader: Reader, tokenHash: string): Promise<LinkRow | undefined> {
  return reader.qb.selectFrom('voicemail_links').selectAll().where('token_hash', '=', tokenHash).executeTakeFirst()
}

export function getLinkByNote(reader: Reader, noteId: string): Promise<LinkRow | undefined> {
  return reader.qb.selectFrom('voicemail_links').selectAll().where('note_id', '=', noteId).executeTakeFirst()
}

/** The one of a prompt that has a note, or else the newest. */
export function getLinkByPrompt(reader: Reader, promptId: string): Promise<LinkRow | undefined> {
  return reader.qb
    .selectFrom('voicemail_links')
    .selectAll()
    .where('prompt_id', '=', promptId)
    .orderBy(({ eb }) => eb.case().when('note', 'is', null).then(1).else(0).end())
    .orderBy('created_ts', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** False where the link is not in the state that was expected. */
export async function moveLink(
  tx: Tx,
  noteId: string,
  { from, to, ...change }: { from: LinkState; to: LinkState } & Updateable<LinkTable>,
): Promise<boolean> {
  const { numUpdatedRows } = await tx.qb
    .updateTable('voicemail_links')
    .set({ ...change, state: to })
    .where('note_id', '=', noteId)
    .where('state', '=', from)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Ends what nobody has used yet; a note that is being sent is sent. */
export async function revokeLinks(
  tx: Tx,
  { column, value }: { column: 'prompt_id' | 'user_id'; value: string },
): Promise<void> {
  await tx.qb
    .updateTable('voicemail_links')
    .set({ state: 'revoked' })
    .where(column, '=', value)
    .where('state', '=', 'open')
    .execute()
}

/** Links that ended before a time and have no note under way, the oldest first. */
export function listEndedLinks(reader: Reader, before: number, limit: number): Promise<LinkRow[]> {
  return reader.qb
    .selectFrom('voicemail_links')
    .selectAll()
    .where('expires_ts', '<', before)
    .where('state', '!=', 'ready')
    .orderBy('expires_ts')
    .limit(limit)
    .execute()
}

export async function deleteLinks(tx: Tx, noteIds: readonly string[]): Promise<void> {
  if (noteIds.length === 0) return
  await tx.qb.deleteFrom('voicemail_links').where('note_id', 'in', noteIds).execute()
}

export async function setLinkMedia(tx: Tx, noteId: string, media: string): Promise<void> {
  await tx.qb.updateTable('voicemail_links').set({ media }).where('note_id', '=', noteId).execute()
}
