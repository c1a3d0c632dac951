import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await db.schema
    .createTable('appservice_progress')
    .addColumn('appservice_id', 'text', (c) => c.primaryKey())
    .addColumn('namespaces', 'text', (c) => c.notNull())
    .addColumn('txn_id', 'text')
    .addColumn('txn_pos', 'bigint', (c) => c.notNull())
    .addColumn('txn_extra', 'text', (c) => c.notNull())
    .addColumn('device_lists_pos', 'bigint', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('retry_ts', 'bigint', (c) => c.notNull())
    .addColumn('last_error', 'text')
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('appservice_members')
        .addColumn('appservice_id', 'text', (c) => c.notNull())
        .addColumn('room_nid', 'bigint', (c) => c.notNull())
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('appservice_members_pk', ['appservice_id', 'room_nid', 'user_id'] as never),
    )
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('appservice_events')
        .addColumn('appservice_id', 'text', (c) => c.notNull())
        .addColumn('stream_pos', 'bigint', (c) => c.notNull())
        .addColumn('event_nid', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('appservice_events_pk', ['appservice_id', 'stream_pos'] as never),
    )
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('appservice_to_device')
        .addColumn('appservice_id', 'text', (c) => c.notNull())
        .addColumn('stream_pos', 'bigint', (c) => c.notNull())
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('device_id', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('appservice_to_device_pk', ['appservice_id', 'stream_pos'] as never),
    )
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('appservice_receipts')
        .addColumn('appservice_id', 'text', (c) => c.notNull())
        .addColumn('room_nid', 'bigint', (c) => c.notNull())
        .addColumn('since_pos', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('appservice_receipts_pk', ['appservice_id', 'room_nid'] as never),
    )
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('appservice_key_counts')
        .addColumn('appservice_id', 'text', (c) => c.notNull())
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('device_id', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('appservice_key_counts_pk', ['appservice_id', 'user_id', 'device_id'] as never),
    )
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('network_rooms')
        .addColumn('appservice_id', 'text', (c) => c.notNull())
        .addColumn('network_id', 'text', (c) => c.notNull())
        .addColumn('room_nid', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('network_rooms_pk', ['appservice_id', 'network_id', 'room_nid'] as never),
    )
    .execute()
}
