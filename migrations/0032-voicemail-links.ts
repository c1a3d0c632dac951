import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await db.schema
    .createTable('voicemail_links')
    .addColumn('token_hash', 'text', (c) => c.primaryKey())
    .addColumn('note_id', 'text', (c) => c.notNull().unique())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('call_id', 'text', (c) => c.notNull())
    .addColumn('room_id', 'text', (c) => c.notNull())
    .addColumn('prompt_id', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('peer_name', 'text', (c) => c.notNull())
    .addColumn('greeting', 'text')
    .addColumn('max_ms', 'integer', (c) => c.notNull())
    .addColumn('created_ts', 'bigint', (c) => c.notNull())
    .addColumn('expires_ts', 'bigint', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('media', 'text', (c) => c.notNull())
    .addColumn('note', 'text')
    .addColumn('event_id', 'text')
    .addColumn('sent_room_id', 'text')
    .execute()
  const indexes = { user: 'user_id', prompt: 'prompt_id', expiry: 'expires_ts' }
  for (const [name, column] of Object.entries(indexes)) {
    await db.schema.createIndex(`voicemail_links_${name}`).on('voicemail_links').column(column).execute()
  }
}
