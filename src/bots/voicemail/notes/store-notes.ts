import type { Insertable, Selectable, Updateable } from 'kysely'
import type { Reader, Tx } from '../../../db/database.ts'
import { prepare } from '../../../db/prepare.ts'
import type { NoteState } from '../../../db/schema/bots.ts'
import type { Schema } from '../../../db/schema.ts'

export type NoteRow = Selectable<Schema['voicemail_notes']>

/** False where it is known already. */
export async function insertNote(
  tx: Tx,
  row: Omit<Insertable<Schema['voicemail_notes']>, 'note_nid'>,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx.qb
    .insertInto('voicemail_notes')
    .values(row)
    .onConflict((conflict) => conflict.column('note_id').doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

const byId = prepare((qb, p: { noteId: string }) =>
  qb.selectFrom('voicemail_notes').selectAll().where('note_id', '=', p.noteId),
)
export const getNote = (reader: Reader, noteId: string) => byId.first(reader, { noteId })

const byEvent = prepare((qb, p: { eventId: string }) =>
  qb.selectFrom('voicemail_notes').selectAll().where('event_id', '=', p.eventId),
)
export const getNoteOfEvent = (reader: Reader, eventId: string) => byEvent.first(reader, { eventId })

const byMedia = prepare((qb, p: { mxc: string }) =>
  qb.selectFrom('voicemail_notes').selectAll().where('mxc', '=', p.mxc),
)
export const listNotesOfMedia = (reader: Reader, mxc: string) => byMedia.all(reader, { mxc })

const unsynced = prepare((qb, p: { receiver: string; position: number }) =>
  qb
    .selectFrom('voicemail_notes')
    .selectAll()
    .where('receiver', '=', p.receiver)
    .where('state', '=', 'sent' satisfies NoteState)
    .where('stream_pos', '<=', p.position),
)

/** Notes that have not been delivered to this user, up to a position. */
export const listSent = (reader: Reader, receiver: string, position: number) =>
  unsynced.all(reader, { receiver, position })

const unsent = prepare((qb, p: { server: string; position: number }) =>
  qb
    .selectFrom('voicemail_notes')
    .selectAll()
    .where('receiver_server', '=', p.server)
    .where('state', '=', 'sent' satisfies NoteState)
    .where('stream_pos', '<=', p.position),
)

/** The same for all users of another server. */
export const listSentTo = (reader: Reader, server: string, position: number) => unsent.all(reader, { server, position })

export async function updateNote(tx: Tx, noteId: string, change: Updateable<Schema['voicemail_notes']>): Promise<void> {
  await tx.qb.updateTable('voicemail_notes').set(change).where('note_id', '=', noteId).execute()
}

export interface NotePage {
  /** Of the last one on the page before. */
  readonly before: number | undefined
  readonly limit: number
}

/** What a user sent and received, the newest first. */
export async function listNotesOf(reader: Reader, userId: string, { before, limit }: NotePage): Promise<NoteRow[]> {
  const side = (column: 'sender' | 'receiver') =>
    reader.qb
      .selectFrom('voicemail_notes')
      .selectAll()
      .where(column, '=', userId)
      .$if(before !== undefined, (query) => query.where('note_nid', '<', before ?? 0))
      .orderBy('note_nid', 'desc')
      .limit(limit)
      .execute()
  const rows = [...(await side('sender')), ...(await side('receiver'))].sort((a, b) => b.note_nid - a.note_nid)
  return rows.filter((row, i) => row.note_nid !== rows[i - 1]?.note_nid).slice(0, limit)
}

/** The newest notes to a user. */
export function listReceived(reader: Reader, receiver: string, limit: number): Promise<NoteRow[]> {
  return reader.qb
    .selectFrom('voicemail_notes')
    .selectAll()
    .where('receiver', '=', receiver)
    .orderBy('note_nid', 'desc')
    .limit(limit)
    .execute()
}

/** Notes to a user that still wait to be played. */
export function listUnplayed(reader: Reader, receiver: string, roomId?: string): Promise<NoteRow[]> {
  const waiting: NoteState[] = ['sent', 'delivered', 'fetched']
  return reader.qb
    .selectFrom('voicemail_notes')
    .selectAll()
    .where('receiver', '=', receiver)
    .where('state', 'in', waiting)
    .$if(roomId !== undefined, (query) => query.where('room_id', '=', roomId ?? ''))
    .orderBy('note_nid', 'desc')
    .limit(200)
    .execute()
}

/** Everybody here to whom notes have been sent that are not delivered yet. */
export async function listReceiversWaiting(reader: Reader): Promise<string[]> {
  const rows = await reader.qb
    .selectFrom('voicemail_notes')
    .select('receiver')
    .distinct()
    .where('receiver_server', 'is', null)
    .where('state', '=', 'sent' satisfies NoteState)
    .execute()
  return rows.map(({ receiver }) => receiver)
}

export async function deleteNotesTo(tx: Tx, receiver: string): Promise<void> {
  await tx.qb.deleteFrom('voicemail_notes').where('receiver', '=', receiver).execute()
}
