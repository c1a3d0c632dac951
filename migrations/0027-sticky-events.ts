import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await db.schema
    .alterTable('rooms')
    .addColumn('sticky_until', 'bigint', (c) => c.notNull().defaultTo(0))
    .execute()
  await db.schema
    .createTable('sticky_events')
    .addColumn('event_nid', 'bigint', (c) => c.primaryKey())
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('sender', 'text', (c) => c.notNull())
    .addColumn('is_local', 'integer', (c) => c.notNull())
    .addColumn('stream_pos', 'bigint')
    .addColumn('expires_ts', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('sticky_events_room').on('sticky_events').columns(['room_nid', 'sender']).execute()
  await db.schema.createIndex('sticky_events_pos').on('sticky_events').column('stream_pos').execute()
  await db.schema.createIndex('sticky_events_expiry').on('sticky_events').column('expires_ts').execute()
}
