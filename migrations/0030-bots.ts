import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  const events = db.schema
    .createTable('bot_events')
    .addColumn('bot', 'text', (c) => c.notNull())
    .addColumn('stream_pos', 'bigint', (c) => c.notNull())
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('event_nid', 'bigint', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('retry_ts', 'bigint', (c) => c.notNull())
    .addColumn('last_error', 'text')
  await t.withoutRowid(events.addPrimaryKeyConstraint('bot_events_pk', ['bot', 'stream_pos'] as never)).execute()
  await db.schema.createIndex('bot_events_room').on('bot_events').columns(['bot', 'room_nid', 'stream_pos']).execute()
}
