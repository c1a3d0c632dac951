import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await db.schema
    .createTable('voicemail_chats')
    .addColumn('user_id', 'text', (c) => c.primaryKey())
    .addColumn('room_id', 'text', (c) => c.notNull().unique())
    .addColumn('is_joined', 'integer', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('voicemail_prompts')
    .addColumn('prompt_id', 'text', (c) => c.primaryKey())
    .addColumn('call_id', 'text', (c) => c.notNull().unique())
    .addColumn('room_id', 'text', (c) => c.notNull())
    .addColumn('caller', 'text', (c) => c.notNull())
    .addColumn('callee', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('called_ts', 'bigint', (c) => c.notNull())
    .addColumn('created_ts', 'bigint', (c) => c.notNull())
    .addColumn('expires_ts', 'bigint', (c) => c.notNull())
    .addColumn('chat_id', 'text')
    .addColumn('event_id', 'text')
    .addColumn('note_id', 'text')
    .execute()
  for (const columns of [
    ['room_id', 'created_ts'],
    ['chat_id', 'created_ts'],
  ]) {
    await db.schema.createIndex(`voicemail_prompts_${columns[0]}`).on('voicemail_prompts').columns(columns).execute()
  }
  await notes(db, t)
}

async function notes(db: Kysely<unknown>, t: Types): Promise<void> {
  await t
    .id(db.schema.createTable('voicemail_notes'), 'note_nid')
    .addColumn('note_id', 'text', (c) => c.notNull().unique())
    .addColumn('call_id', 'text')
    .addColumn('room_id', 'text', (c) => c.notNull())
    .addColumn('event_id', 'text', (c) => c.notNull())
    .addColumn('stream_pos', 'bigint', (c) => c.notNull())
    .addColumn('sender', 'text', (c) => c.notNull())
    .addColumn('receiver', 'text', (c) => c.notNull())
    .addColumn('receiver_server', 'text')
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('duration_ms', 'bigint', (c) => c.notNull())
    .addColumn('mxc', 'text')
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('sent_ts', 'bigint', (c) => c.notNull())
    .addColumn('delivered_ts', 'bigint')
    .addColumn('fetched_ts', 'bigint')
    .addColumn('played_ts', 'bigint')
    .addColumn('deleted_ts', 'bigint')
    .addColumn('reminded', 'integer', (c) => c.notNull())
    .addColumn('caption', 'text')
    .addColumn('transcript', 'text')
    .execute()
  for (const columns of [
    ['sender', 'note_nid'],
    ['receiver', 'note_nid'],
    ['event_id'],
    ['mxc'],
    ['receiver_server', 'stream_pos'],
  ]) {
    await db.schema.createIndex(`voicemail_notes_${columns[0]}`).on('voicemail_notes').columns(columns).execute()
  }
  await t
    .id(db.schema.createTable('voicemail_audit'), 'audit_nid')
    .addColumn('ts', 'bigint', (c) => c.notNull())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('action', 'text', (c) => c.notNull())
    .addColumn('credential', 'text', (c) => c.notNull())
    .addColumn('room_id', 'text', (c) => c.notNull())
    .addColumn('event_id', 'text')
    .addColumn('note_id', 'text')
    .addColumn('call_id', 'text')
    .execute()
  await db.schema.createIndex('voicemail_audit_user').on('voicemail_audit').columns(['user_id', 'ts']).execute()
}
