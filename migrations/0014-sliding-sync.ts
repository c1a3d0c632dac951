import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await db.schema
    .createTable('sliding_connections')
    .addColumn('conn_nid', 'bigint', (c) => c.primaryKey())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('device_id', 'text', (c) => c.notNull())
    .addColumn('conn_id', 'text', (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('settings', 'text', (c) => c.notNull())
    .addColumn('pending_seq', 'bigint')
    .addColumn('pending_settings', 'text')
    .addColumn('last_used_ts', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('sliding_connections_unique', ['user_id', 'device_id', 'conn_id'] as never)
    .execute()
  await db.schema.createIndex('sliding_connections_used').on('sliding_connections').column('last_used_ts').execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('sliding_rooms')
        .addColumn('conn_nid', 'bigint', (c) => c.notNull())
        .addColumn('is_pending', 'integer', (c) => c.notNull())
        .addColumn('room_nid', 'bigint', (c) => c.notNull())
        .addColumn('sent_pos', 'bigint')
        .addColumn('timeline_limit', 'integer', (c) => c.notNull())
        .addColumn('config', 'text', (c) => c.notNull())
        .addColumn('is_dm', 'integer', (c) => c.notNull())
        .addPrimaryKeyConstraint('sliding_rooms_pk', ['conn_nid', 'is_pending', 'room_nid'] as never),
    )
    .execute()
  await db.schema.createIndex('receipts_room').on('receipts').columns(['room_nid', 'stream_pos']).execute()
}
